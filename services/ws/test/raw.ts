/** A client below the WebSocket library: bytes on a TCP socket, whole or broken as a test wants them. */
import { connect, type Socket } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import type { ServerMessage } from '../src/protocol.ts'
import { until } from './harness.ts'

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The request of an upgrade. @param change headers to set, or to leave out with null */
export function handshake(path: string = paths.ws, change: Record<string, string | null> = {}): string {
  const headers = {
    Host: 'lab',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...change,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

export interface FrameOptions {
  fin?: boolean
  rsv?: number
  /** Four bytes, or null for the unmasked frame that only servers may send. */
  mask?: Buffer | null
  /** What the length field says, when it is not the truth. */
  claimedLength?: number
}

/** One frame as a client sends it. */
export function frame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, mask = Buffer.from([1, 2, 3, 4]), claimedLength } = options
  const body = Buffer.from(payload)
  const length = claimedLength ?? body.length
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (mask === null ? 0 : 0x80) | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  if (mask === null) return Buffer.concat([head, body])
  for (let i = 0; i < body.length; i++) body[i] = (body[i] ?? 0) ^ (mask[i & 3] ?? 0)
  return Buffer.concat([head, mask, body])
}

export interface ReceivedFrame {
  opcode: number
  payload: Buffer
}

/** A TCP connection to a port of the replica. It never closes its half by itself and answers nothing. */
export class RawPeer {
  readonly socket: Socket
  /** Bytes received so far, when they are kept. */
  received = Buffer.alloc(0)
  /** The other side has closed its half. */
  ended = false
  gone = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data) => {
      this.received = Buffer.concat([this.received, data])
    })
    socket.on('error', () => {})
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('close', () => {
      this.gone = true
    })
  }

  static connect(port: number): Promise<RawPeer> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawPeer(socket))
      })
    })
  }

  /** Connects and upgrades; the frames that follow are up to the test. */
  static async upgraded(port: number, path?: string): Promise<RawPeer> {
    const peer = await RawPeer.connect(port)
    peer.write(handshake(path))
    const { status } = await peer.response()
    if (status !== 101) throw new Error(`upgrade answered with ${status}`)
    return peer
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes)
  }

  /** Status and headers of the response, once they are there. */
  async response(): Promise<{ status: number; headers: Record<string, string> }> {
    const text = await until(
      () => this.received.toString('latin1'),
      (seen) => seen.includes('\r\n\r\n'),
      'a response',
    )
    const [statusLine = '', ...lines] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
    const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
    return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers) }
  }

  /** Whole frames that came after the response. */
  frames(): ReceivedFrame[] {
    const frames: ReceivedFrame[] = []
    let at = this.received.indexOf('\r\n\r\n') + 4
    while (at + 2 <= this.received.length) {
      const short = (this.received[at + 1] ?? 0) & 0x7f
      const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2)
      if (start > this.received.length) break
      const length =
        short === 127 ? Number(this.received.readBigUInt64BE(at + 2)) : short === 126 ? this.received.readUInt16BE(at + 2) : short
      if (start + length > this.received.length) break
      frames.push({ opcode: (this.received[at] ?? 0) & 0x0f, payload: this.received.subarray(start, start + length) })
      at = start + length
    }
    return frames
  }

  messages(): ServerMessage[] {
    return this.frames()
      .filter(({ opcode }) => opcode === opcodes.text)
      .map(({ payload }) => JSON.parse(payload.toString()) as ServerMessage)
  }

  /** Code and reason of the close frame, once it is there. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    const find = () => this.frames().find(({ opcode }) => opcode === opcodes.close)?.payload
    const payload = (await until(find, (found) => found !== undefined, 'a close frame')) ?? Buffer.alloc(2)
    return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() }
  }
}
