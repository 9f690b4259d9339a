/** Reads the room log from Valkey page by page during the run, so that no entry is missed when the log is trimmed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LabStore } from '@lab/lab/lab.ts'
import type { LogEntry, Payload } from '@lab/ledger/ledger.ts'
import { seqsPerMs } from '@lab/ws/room-log.ts'
import { keys } from '@lab/ws/valkey/scripts.ts'
import { z } from 'zod'

const pageSize = 2000
const everyMs = 2000

/** Valkey's reply to XRANGE and XREVRANGE: pairs of an ID and a list of alternating field names and values. */
const page = z.array(z.tuple([z.string(), z.array(z.string())]))

export interface LogReader {
  /** The log entries read so far, in log order. */
  readonly entries: readonly LogEntry[]
  /** Reads the remaining log entries and ends the reader. Rejects if Valkey does not reply. */
  finish(): Promise<void>
  /** Ends the reader without reading the remaining entries. */
  abandon(): void
}

/**
 * Starts reading at the current end of the log. Rejects if Valkey does not reply.
 * @param run ID of the current run; messages of other runs are ignored
 */
export async function readRoomLog(store: Pick<LabStore, 'ask'>, run: string): Promise<LogReader> {
  const entries: LogEntry[] = []
  const [newest] = page.parse(await store.ask('XREVRANGE', keys.log, '+', '-', 'COUNT', '1'))
  let last = newest?.[0] ?? '0-0'
  let going = true

  async function readToEnd(): Promise<void> {
    for (;;) {
      const items = page.parse(await store.ask('XRANGE', keys.log, `(${last}`, '+', 'COUNT', String(pageSize)))
      for (const [id, fields] of items) {
        last = id
        const entry = toEntry(id, fields, run)
        if (entry !== undefined) entries.push(entry)
      }
      if (items.length < pageSize) return
    }
  }

  const reading = (async () => {
    while (going) {
      // If a fault has stopped Valkey, the reader tries again later; `finish` rejects if the remaining entries cannot be read.
      await readToEnd().catch(() => undefined)
      await sleep(everyMs)
    }
  })()

  return {
    entries,
    finish: async () => {
      going = false
      await reading
      await readToEnd()
    },
    abandon: () => {
      going = false
    },
  }
}

function toEntry(id: string, fields: readonly string[], run: string): LogEntry | undefined {
  const field = (name: string) => fields[fields.indexOf(name) + 1] ?? ''
  // An entry without a message means that the log has lost entries.
  if (field('head') === '') return undefined
  const { data } = JSON.parse(`${field('head')}}`) as { data: Partial<Payload> }
  if (data?.run !== run || data.n === undefined || data.s === undefined) return undefined
  const [ms, number] = id.split('-').map(Number)
  return { seq: (ms ?? 0) * seqsPerMs + (number ?? 0), n: data.n, sender: data.s, room: field('room') }
}
