/**
 * Encodes a WebSocket text frame (RFC 6455, section 5.2) as servers send it: without fragmentation or masking.
 * A frame in a single buffer needs a single write. Separate buffers for header and payload would need a gathered write, which costs 50 %
 * more per message.
 */

const textOpcode = 0x81 // FIN and opcode 1
/**
 * The header's second byte holds payload lengths up to 125 bytes; two additional bytes hold lengths up to 65535, and eight additional bytes
 * hold greater lengths.
 */
const shortest = 125
const longest16Bit = 0xffff

/** A complete frame, and the length of its payload. */
export interface TextFrame {
  frame: Buffer
  payloadBytes: number
}

/**
 * Encodes a frame.
 * @param head the start of the message, as a string or as UTF-8 bytes
 * @param tail an ASCII string that is appended to `head`
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
