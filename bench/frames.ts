/** WebSocket frames as the load generator needs them: masked ones built beforehand, the server's counted without decoding. Pure. */

const longestShortPayload = 125
const longestControlPayload = 125

/** Opcodes of RFC 6455 section 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Position of the letter that tells our message types apart in `{"type":"…`. */
const typeLetterAt = '{"type":"'.length

/**
 * Builds one whole client frame.
 * @param opcode one of `opcodes`
 * @param payload up to 65,535 bytes
 * @returns header, mask and masked payload, ready to be written any number of times
 * @throws RangeError for a longer payload
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

/** What the reader saw since the last look; counters only grow. */
export interface FrameCounts {
  /** Whole data messages. */
  messages: number
  /** Data messages by the first letter of their type: `m`essage_response, `r`oom_…, `e`rror and so on. */
  byLetter: Uint32Array
}

/** Reads frames off a server's byte stream however it is cut into chunks: counts messages, hands out pings and closes. */
export class FrameReader {
  readonly counts: FrameCounts = { messages: 0, byLetter: new Uint32Array(128) }
  readonly #onControl: (opcode: number, payload: Buffer) => void
  /** Texts of the next messages are handed here while it is set. */
  onText: ((text: string) => void) | undefined
  readonly #header = new Uint8Array(10)
  #have = 0
  #opcode = 0
  #final = true
  #length = 0
  #left = -1
  #kept: Buffer[] = []

  /** @param onControl called for each control frame with a copy of its payload */
  constructor(onControl: (opcode: number, payload: Buffer) => void) {
    this.#onControl = onControl
  }

  /**
   * @param chunk bytes as they came; not kept
   * @param start first byte to read
   * @param end one past the last
   * @throws Error when the bytes are no unmasked server frames
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
      if (this.#opcode >= 8 || this.onText) this.#kept.push(Buffer.from(chunk.subarray(at, at + taken)))
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
      if (this.#opcode === opcodes.binary) throw new Error('the server sent a binary frame; text is what clients understand')
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
    const kept = this.#kept
    if (kept.length > 0) this.#kept = []
    if (this.#opcode >= 8) {
      this.#onControl(this.#opcode, Buffer.concat(kept))
      return
    }
    if (!this.#final) return
    this.counts.messages++
    this.onText?.(Buffer.concat(kept).toString())
  }
}
