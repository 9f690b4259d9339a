/**
 * Handles WebSocket frames for the load generator: builds masked frames in advance, and counts the server's frames without decoding them.
 * Pure.
 */

const longestShortPayload = 125
const longestControlPayload = 125

/** Frame opcodes from RFC 6455, section 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Position, within `{"type":"…`, of the letter that distinguishes the message types. */
const typeLetterAt = '{"type":"'.length

/**
 * Builds one complete client frame.
 * @param opcode one of the values of `opcodes`
 * @param payload at most 65,535 bytes
 * @returns the header, mask and masked payload, which can be written any number of times
 * @throws RangeError if the payload is longer than 65,535 bytes
 */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  if (payload.length > 0xffff) throw new RangeError(`payload of ${payload.length} bytes; allowed: up to 65535`)
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d])
  const header =
    payload.length <= longestShortPayload
      ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
      : Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 0xff])
  const masked = payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))
  return Buffer.concat([header, mask, masked])
}

/** A frame reader's counters, which only ever increase. */
export interface FrameCounts {
  /** Complete data messages. */
  messages: number
  /** Number of data messages by the first letter of their type, such as `m` for message_response, `r` for room_… and `e` for error. */
  byLetter: Uint32Array
}

/**
 * Reads frames from a server's byte stream, regardless of where chunks begin and end. The reader counts messages and reports control
 * frames.
 */
export class FrameReader {
  readonly counts: FrameCounts = { messages: 0, byLetter: new Uint32Array(128) }
  readonly #onControl: (opcode: number, payload: Buffer) => void
  /** Optional function that is called with the text of each message. */
  onText: ((text: string) => void) | undefined
  readonly #header = new Uint8Array(10)
  #have = 0
  #opcode = 0
  #final = true
  #length = 0
  #left = -1
  #payloadParts: Buffer[] = []

  /** @param onControl called for each control frame with a copy of the payload */
  constructor(onControl: (opcode: number, payload: Buffer) => void) {
    this.#onControl = onControl
  }

  /**
   * Reads the frames in the given byte range of a chunk.
   * @param chunk the received bytes; the reader does not use this buffer after the call
   * @param start index of the first byte to read
   * @param end index of the byte after the last one to read
   * @throws Error if the bytes are not valid unmasked frames
   */
  read(chunk: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#left < 0) {
        at = this.#readHeader(chunk, at, end)
        if (this.#left < 0) return
      }
      const taken = Math.min(this.#left, end - at)
      const seen = this.#length - this.#left
      if (seen <= typeLetterAt && typeLetterAt < seen + taken && this.#opcode === opcodes.text) {
        const letter = (chunk[at + typeLetterAt - seen] ?? 0) & 127
        this.counts.byLetter[letter] = (this.counts.byLetter[letter] ?? 0) + 1
      }
      if (this.#opcode >= 8 || this.onText) this.#payloadParts.push(Buffer.from(chunk.subarray(at, at + taken)))
      at += taken
      this.#left -= taken
      if (this.#left === 0) this.#frameEnds()
    }
  }

  #readHeader(chunk: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end) {
      this.#header[this.#have++] = chunk[at++] ?? 0
      if (this.#have < 2) continue
      const short = this.#header[1] ?? 0
      if (short & 0x80) throw new Error('the server sent a masked frame')
      if (short === 127) throw new Error('the server sent a frame of 64 KiB or more')
      if (short === 126 && this.#have < 4) continue
      const first = this.#header[0] ?? 0
      this.#final = (first & 0x80) !== 0
      this.#opcode = first & 0x0f
      if (this.#opcode === opcodes.binary) throw new Error('the server sent a binary frame; only text frames are allowed')
      this.#length = short === 126 ? ((this.#header[2] ?? 0) << 8) | (this.#header[3] ?? 0) : short
      if (this.#opcode >= 8 && this.#length > longestControlPayload) throw new Error('the server sent a control frame that is too long')
      this.#left = this.#length
      this.#have = 0
      if (this.#left === 0) {
        this.#frameEnds()
        continue
      }
      return at
    }
    return at
  }

  #frameEnds(): void {
    this.#left = -1
    const payloadParts = this.#payloadParts
    if (payloadParts.length > 0) this.#payloadParts = []
    if (this.#opcode >= 8) {
      this.#onControl(this.#opcode, Buffer.concat(payloadParts))
      return
    }
    if (!this.#final) return
    this.counts.messages++
    this.onText?.(Buffer.concat(payloadParts).toString())
  }
}
