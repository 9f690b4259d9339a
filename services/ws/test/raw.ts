/** Provides a test client that uses no WebSocket library and sends valid or invalid bytes over a TCP socket. */
import { connect, type Socket } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import type { ServerMessage } from '../src/protocol.ts'
import { eventually } from './harness.ts'

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Returns the text of an upgrade request. @param change headers to set to a different value, or to omit if the value is null */
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
  /** The masking key of four bytes, or null for an unmasked frame, which only servers may send. */
  mask?: Buffer | null
  /** The payload length that the frame header states, if it differs from the real length. */
  claimedLength?: number
}

/** Encodes one WebSocket frame as a client would send it. */
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

/**
 * A TCP connection from a test to the replica. The test client does not respond to frames, and never closes its side of the connection on
 * its own.
 */
export class RawPeer {
  readonly socket: Socket
  /** The bytes received so far, unless the test discards them. */
  received = Buffer.alloc(0)
  /** Whether the replica has closed its half of the connection. */
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

  /** Connects and upgrades. After the upgrade, the client sends only the frames that the test writes. */
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

  /** Waits for the handshake response, and returns its status and headers. */
  async response(): Promise<{ status: number; headers: Record<string, string> }> {
    const text = await eventually(
      () => this.received.toString('latin1'),
      (seen) => seen.includes('\r\n\r\n'),
      'a response',
    )
    const [statusLine = '', ...lines] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
    const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
    return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers) }
  }

  /** Returns the complete frames that were received after the handshake response. */
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

  /** Waits for the close frame, and returns its close code and reason. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    const find = () => this.frames().find(({ opcode }) => opcode === opcodes.close)?.payload
    const payload = (await eventually(find, (found) => found !== undefined, 'a close frame')) ?? Buffer.alloc(2)
    return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() }
  }
}
