import { expect, test } from 'vitest'
import { standardTimers } from '../ports.ts'
import type { ValkeyConnection } from './connection.ts'
import { ValkeyPresence } from './presence.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A simulated Valkey connection that records the commands it receives, and refuses the first deletions. */
function connectionRefusing(deletions: number) {
  const commands: string[] = []
  const send = async ([command = '', ...rest]: readonly string[]) => {
    if (command === 'DEL' && deletions-- > 0) throw new Error('refused')
    commands.push([command, ...rest.slice(1)].join(' '))
  }
  return { commands, valkey: { up: true, send } as unknown as ValkeyConnection }
}

test('the next check repeats a failed deletion once', async () => {
  const { commands, valkey } = connectionRefusing(1)
  const presence = new ValkeyPresence({ valkey, timers: standardTimers, instance: 'one', others: () => [] })
  presence.set('tea', 2)
  presence.sendAll()
  await turn()
  await turn()
  expect(commands).toEqual(['HSET tea 2'])
  presence.check(true)
  await turn()
  await turn()
  expect(commands).toEqual(['HSET tea 2', 'DEL', 'HSET tea 2'])
  presence.check(true)
  await turn()
  expect(commands).toHaveLength(3)
})
