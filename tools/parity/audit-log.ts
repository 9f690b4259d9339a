/** Follows the API server's audit log, and waits for syncs of the controller. */
import { open } from 'node:fs/promises'
import { until } from '@lab/host/until.ts'
import type { ControlPlane } from './control-plane.ts'
import { type AuditEntry, type Sync, syncsOf } from './core/audit.ts'

const readEveryMs = 50

export interface AuditLog {
  /** Returns the syncs in a namespace so far. */
  syncs(namespace: string): Promise<Sync[]>
  /** Waits until the controller has begun a number of syncs in a namespace, and returns the last of them. */
  sync(namespace: string, count: number, withinMs: number): Promise<Sync>
}

/** Opens the log of a running control plane. */
export function followAudit(plane: ControlPlane): AuditLog {
  const entries: AuditEntry[] = []
  let position = 0
  let rest = ''
  let reading: Promise<void> = Promise.resolve()

  const readMore = async () => {
    const file = await open(plane.auditFile)
    try {
      const { size } = await file.stat()
      if (size === position) return
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - position), position })
      position += bytesRead
      const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) entries.push(JSON.parse(line) as AuditEntry)
    } finally {
      await file.close()
    }
  }
  const syncs = async (namespace: string) => {
    // Reads follow one another, because several loops use the same position.
    reading = reading.then(readMore)
    await reading
    return syncsOf(entries, namespace)
  }
  return {
    syncs,
    sync: (namespace, count, withinMs) =>
      until(`sync ${count} of the HPA controller in the namespace ${namespace}`, async () => (await syncs(namespace))[count - 1], {
        withinMs,
        everyMs: readEveryMs,
        stop: plane.ended,
      }),
  }
}
