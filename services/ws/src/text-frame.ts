/**
 * A WebSocket text frame in one piece (RFC 6455 section 5.2), as servers send them: whole and unmasked.
 * One buffer is one write; header and payload apart are a gathered write, which costs half as much again per message.
 */

const textOpcode = 0x81 // FIN and opcode 1
/** Payloads up to here have their length in the header's second byte; up to the next bound in two bytes more, then in eight. */
const shortest = 125
const longest16Bit = 0xffff

/** A whole frame, and how many bytes of it are text. */
export interface TextFrame {
  frame: Buffer
  payloadBytes: number
}

/**
 * Builds the frame.
 * @param head the text, or its UTF-8 bytes when they are at hand
 * @param tail ASCII text that follows it
 */
export function textFrame(head: string | Buffer, tail = ''): TextFrame {
  const headBytes = typeof head === 'string' ? Buffer.byteLength(head) : head.length
  const length = headBytes + tail.length
  const headerBytes = length <= shortest ? 2 : length <= longest16Bit ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = textOpcode
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  if (typeof head === 'string') frame.write(head, headerBytes)
  else head.copy(frame, headerBytes)
  if (tail !== '') frame.write(tail, headerBytes + headBytes, 'latin1')
  return { frame, payloadBytes: length }
}
