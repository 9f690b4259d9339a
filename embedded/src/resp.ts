/** Implements the server side of RESP, Valkey's protocol. Each character of a parsed string represents one byte. */
import { type Reply, StoreError } from '@lab/ws/valkey/model.ts'

/** Maximum number of strings and of bytes in one command; even the largest room message stays below both limits. */
const most = { strings: 100_000, bytes: 8 * 1024 * 1024 }

/**
 * Buffers received data and returns complete commands. Throws if the data is not an array of strings, for example if a web page sends an
 * HTTP request.
 */
export class CommandReader {
  private rest = ''

  take(data: Buffer): string[][] {
    this.rest += data.toString('latin1')
    const commands: string[][] = []
    for (let at = 0; ; ) {
      const read = readCommand(this.rest, at)
      if (read === undefined) {
        this.rest = this.rest.slice(at)
        break
      }
      commands.push(read.command)
      at = read.end
    }
    if (this.rest.length > most.bytes) throw new Error(`a command of more than ${most.bytes} bytes`)
    return commands
  }
}

/** Reads one command, or returns undefined if the command is still incomplete. */
function readCommand(text: string, start: number): { command: string[]; end: number } | undefined {
  const count = readLength(text, start, '*', most.strings)
  if (count === undefined) return undefined
  const command: string[] = []
  let at = count.end
  while (command.length < count.value) {
    const length = readLength(text, at, '$', most.bytes)
    if (length === undefined) return undefined
    const end = length.end + length.value
    if (text.length < end + 2) return undefined
    command.push(text.slice(length.end, end))
    at = end + 2
  }
  return { command, end: at }
}

function readLength(text: string, at: number, type: '*' | '$', mostValue: number): { value: number; end: number } | undefined {
  if (at >= text.length) return undefined
  const end = text.indexOf('\r\n', at)
  if (end === -1 && text.length - at < 16 && text[at] === type) return undefined
  const line = text.slice(at, end)
  const value = /^[*$]\d{1,9}$/.test(line) && line.startsWith(type) ? Number(line.slice(1)) : Number.NaN
  if (!(value <= mostValue)) throw new Error('not a command: allowed is an array of strings')
  return { value, end: end + 2 }
}

/** @param version protocol version: 2, or 3 after HELLO 3 */
export function encodeReply(reply: Reply, version: 2 | 3): string {
  if (reply === null) return version === 3 ? '_\r\n' : '$-1\r\n'
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (reply instanceof StoreError) return `-${reply.message}\r\n`
  const items = (list: Iterable<Reply>) => Array.from(list, (item) => encodeReply(item, version)).join('')
  if (Array.isArray(reply)) return `*${reply.length}\r\n${items(reply)}`
  // In RESP version 2, the reply to XREAD is an array of pairs.
  return version === 3 ? `%${reply.size}\r\n${items([...reply].flat())}` : `*${reply.size}\r\n${items([...reply])}`
}

/** Encodes a RESP version 3 push message, such as a message on a channel. */
export function encodePush(items: readonly (string | number)[]): string {
  return `>${items.length}\r\n${items.map((item) => encodeReply(item, 3)).join('')}`
}
