import { expect, test } from 'vitest'
import type { Link } from './connection.ts'
import { ValkeyPresence } from './presence.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Remembers what it was told, and refuses so many deletions first. */
function linkRefusing(deletions: number) {
  const told: string[] = []
  const send = async ([command = '', ...rest]: readonly string[]) => {
    if (command === 'DEL' && deletions-- > 0) throw new Error('refused')
    told.push([command, ...rest.slice(1)].join(' '))
  }
  return { told, link: { up: true, send } as unknown as Link }
}

test('a deletion that failed is made up for with the next look, and not after that', async () => {
  const { told, link } = linkRefusing(1)
  const presence = new ValkeyPresence({ link, instance: 'one', others: () => [] })
  presence.set('tea', 2)
  presence.tellAll()
  await turn()
  await turn()
  expect(told).toEqual(['HSET tea 2'])
  presence.check(true)
  await turn()
  await turn()
  expect(told).toEqual(['HSET tea 2', 'DEL', 'HSET tea 2'])
  presence.check(true)
  await turn()
  expect(told).toHaveLength(3)
})
