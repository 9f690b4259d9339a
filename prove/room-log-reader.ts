/** The server's ledger: the room log itself, read from Valkey page by page while the run goes on, so that trimming loses nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { services } from '../contract/src/endpoints.ts'
import { seqsPerMs } from '../services/ws/src/room-log.ts'
import { keys } from '../services/ws/src/valkey/scripts.ts'
import type { LogEntry, Payload } from './core/ledger.ts'
import { docker } from './docker.ts'
import type { Lab } from './lab.ts'

const pageSize = 2000
const everyMs = 2000

export interface LogReader {
  /** What was read so far, in the order of the log. */
  readonly entries: readonly LogEntry[]
  /** Reads what is left and ends. Rejects when Valkey does not answer within the bound. */
  finish(): Promise<void>
}

/** Begins to read at the end of the log. Rejects when Valkey can't be asked. */
export async function readRoomLog(lab: Lab, run: string): Promise<LogReader> {
  const cli = ['exec', lab.container(services.valkey), 'valkey-cli', '--json']
  const entries: LogEntry[] = []
  let last = await newest(cli)
  let going = true

  async function page(): Promise<number> {
    const reply = await docker([...cli, 'XRANGE', keys.log, `(${last}`, '+', 'COUNT', String(pageSize)], 10)
    const items = parse(reply) as [id: string, fields: string[]][]
    for (const [id, fields] of items) {
      last = id
      const entry = toEntry(id, fields, run)
      if (entry !== undefined) entries.push(entry)
    }
    return items.length
  }

  async function pages(): Promise<void> {
    while ((await page()) === pageSize);
  }

  const reading = (async () => {
    while (going) {
      // Valkey is away now and then: that is part of the plan. What it holds is read when it is back.
      await pages().catch(() => {})
      await sleep(everyMs)
    }
  })()

  return {
    entries,
    finish: async () => {
      going = false
      await reading
      await pages()
    },
  }
}

async function newest(cli: readonly string[]): Promise<string> {
  const items = parse(await docker([...cli, 'XREVRANGE', keys.log, '+', '-', 'COUNT', '1'], 10)) as [string, unknown][]
  return items[0]?.[0] ?? '0-0'
}

/** Valkey's errors come as text where JSON is due. */
function parse(reply: string): unknown {
  try {
    return JSON.parse(reply)
  } catch {
    throw new Error(`Valkey answered ${reply.slice(0, 200)}`)
  }
}

function toEntry(id: string, fields: readonly string[], run: string): LogEntry | undefined {
  const field = (name: string) => fields[fields.indexOf(name) + 1] ?? ''
  const { data } = JSON.parse(`${field('head')}}`) as { data: Partial<Payload> }
  if (data?.run !== run || data.n === undefined || data.s === undefined) return undefined
  const [ms, number] = id.split('-').map(Number)
  return { seq: (ms ?? 0) * seqsPerMs + (number ?? 0), n: data.n, sender: data.s, room: field('room') }
}
