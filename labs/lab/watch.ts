/** Derives replica events by comparing two lists of replicas, for labs that do not report events themselves. */
import { pause } from '@lab/host/until.ts'
import type { Replica, ReplicaChange, ReplicaWatch } from './lab.ts'

const everyMs = 250

/** Returns the events that explain the difference between two lists of replicas. Pure. */
export function changesBetween(before: readonly Replica[], after: readonly Replica[], atMs: number): ReplicaChange[] {
  const same = (replica: Replica, list: readonly Replica[]) =>
    list.find(({ name, startedAtSeconds }) => name === replica.name && startedAtSeconds === replica.startedAtSeconds)
  const gone = before.filter((replica) => same(replica, after) === undefined)
  const others = after.flatMap((replica): ReplicaChange[] => {
    const earlier = same(replica, before)
    const { name, healthy, startedAtSeconds } = replica
    // A starting replica has no start time yet, so its start is recorded as soon as its start time is known.
    if (startedAtSeconds === 0) return []
    const started: ReplicaChange[] = earlier === undefined ? [{ atMs, replica: name, what: 'started' }] : []
    if (healthy === (earlier?.healthy ?? false)) return started
    return [...started, { atMs, replica: name, what: healthy ? 'ready' : 'unready' }]
  })
  const ended = gone.filter(({ startedAtSeconds }) => startedAtSeconds > 0)
  return [...ended.map(({ name }): ReplicaChange => ({ atMs, replica: name, what: 'gone' })), ...others]
}

/** Lists the replicas four times a second, and records how each list differs from the previous one. */
export function watchByAsking(replicas: () => Promise<Replica[]>, say: (line: string) => void): ReplicaWatch {
  const changes: ReplicaChange[] = []
  const stop = new AbortController()
  const asking = (async () => {
    let before: Replica[] | undefined
    while (!stop.signal.aborted) {
      const after = await replicas()
      if (before !== undefined) changes.push(...changesBetween(before, after, Date.now()))
      before = after
      await pause(everyMs, stop.signal)
    }
  })().catch((error: Error) => say(`${error.message}: starts and exits of replicas are no longer recorded`))
  return {
    changes,
    stop: async () => {
      stop.abort()
      await asking
    },
  }
}
