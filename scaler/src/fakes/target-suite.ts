/** The tests that every ReplicaTarget must pass; they run against the in-memory fake and the Docker adapter. */
import { expect, test } from 'vitest'
import type { ReplicaTarget } from '../ports.ts'

/** Defines the tests. @param open returns a target with two replicas, ws-1 and ws-2 */
export function replicaTargetSuite(open: () => ReplicaTarget, boundMs = 90_000): void {
  const signal = () => AbortSignal.timeout(boundMs)
  const names = async (target: ReplicaTarget) => (await target.list(signal())).map(({ name }) => name)

  test('lists replicas by number, with start time, readiness and requests', { timeout: boundMs }, async () => {
    const replicas = await open().list(signal())
    expect(replicas.map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
    for (const { phase, ready, startTimeSeconds, containers } of replicas) {
      expect(phase).toBe('Running')
      expect(ready?.status).toBe('True')
      expect(ready?.sinceSeconds).toBeGreaterThanOrEqual(startTimeSeconds ?? Number.POSITIVE_INFINITY)
      expect(containers).toEqual([{ name: 'ws', requestsMilli: { cpu: 250, memory: 128 * 2 ** 20 * 1000 } }])
    }
  })

  test('adds replicas with the next numbers', { timeout: boundMs }, async () => {
    const target = open()
    expect(await target.scaleTo(4, [], signal())).toEqual({ removed: [] })
    expect(await names(target)).toEqual(['ws-1', 'ws-2', 'ws-3', 'ws-4'])
  })

  test('changes nothing when the count is already right', { timeout: boundMs }, async () => {
    const target = open()
    expect(await target.scaleTo(4, [], signal())).toEqual({ removed: [] })
    expect(await names(target)).toEqual(['ws-1', 'ws-2', 'ws-3', 'ws-4'])
  })

  test('removes the highest numbers, and returns the names of the removed replicas', { timeout: boundMs }, async () => {
    const target = open()
    expect(await target.scaleTo(2, [], signal())).toEqual({ removed: ['ws-3', 'ws-4'] })
    expect(await names(target)).toEqual(['ws-1', 'ws-2'])
  })

  test('rejects when the signal is aborted, and changes nothing', { timeout: boundMs }, async () => {
    const target = open()
    await expect(target.scaleTo(3, [], AbortSignal.abort())).rejects.toThrow()
    await expect(target.list(AbortSignal.abort())).rejects.toThrow()
    expect(await names(target)).toEqual(['ws-1', 'ws-2'])
  })
}
