/** Tests how replica events are derived from Docker events and from the difference between two lists of replicas. */
import { expect, test } from 'vitest'
import { readEvent } from './compose/events.ts'
import type { Replica } from './lab.ts'
import { changesBetween } from './watch.ts'

test.each([
  ['start', { what: 'started' }],
  ['die', { what: 'gone' }],
  ['health_status: healthy', { what: 'ready' }],
  ['health_status: unhealthy', { what: 'unready' }],
  ['exec_start: sh', undefined],
])("Docker's event %s", (Action, expected) => {
  const Actor = { Attributes: { 'com.docker.compose.container-number': '4' } }
  const line = JSON.stringify({ status: Action, Action, Actor, timeNano: 1_795_278_439_420_000_000 })
  if (expected === undefined) expect(readEvent(line)).toBeUndefined()
  else expect(readEvent(line)).toMatchObject({ ...expected, replica: 'ws-4', atMs: 1_795_278_439_420 })
})

const replica = (name: string, startedAtSeconds: number, healthy = true): Replica => ({ name, startedAtSeconds, healthy })

test.each<[string, Replica[], Replica[], string[]]>([
  ['nothing changes', [replica('ws-1', 5)], [replica('ws-1', 5)], []],
  ['a starting replica is no event yet', [], [replica('ws-1', 0, false)], []],
  ['a new replica is ready', [replica('ws-1', 0, false)], [replica('ws-1', 5)], ['ws-1 started', 'ws-1 ready']],
  ['a replica does not answer', [replica('ws-1', 5)], [replica('ws-1', 5, false)], ['ws-1 unready']],
  ['one ends', [replica('ws-1', 5), replica('ws-2', 5)], [replica('ws-1', 5)], ['ws-2 gone']],
  [
    'a replica was replaced by one of the same name',
    [replica('ws-1', 5)],
    [replica('ws-1', 9)],
    ['ws-1 gone', 'ws-1 started', 'ws-1 ready'],
  ],
])('two lists of replicas: %s', (_, before, after, expected) => {
  const changes = changesBetween(before, after, 7)
  expect(changes.map(({ replica: name, what }) => `${name} ${what}`)).toEqual(expected)
  for (const { atMs } of changes) expect(atMs).toBe(7)
})
