import { expect, test } from 'vitest'
import { changeOnce } from './last-state.ts'

function recorder(fails: (wanted: string) => boolean) {
  const tried: string[] = []
  const refuse = async (wanted: string) => {
    tried.push(wanted)
    if (fails(wanted)) throw new Error(`${wanted}: refused`)
  }
  return { tried, change: changeOnce<string>('own', (one, other) => one === other, refuse) }
}

test('nothing is changed if the wanted state is already in effect', async () => {
  const { tried, change } = recorder(() => false)
  for (const wanted of ['own', 'new', 'new', 'own', 'own']) await change(wanted)
  expect(tried).toEqual(['new', 'own'])
})

test('a change that failed half-way is reverted, and a failed revert is retried', async () => {
  let refusals = 2
  const { tried, change } = recorder(() => refusals-- > 0)
  await expect(change('new')).rejects.toThrow('new: refused')
  await expect(change('own')).rejects.toThrow('own: refused')
  await change('own')
  await change('own')
  expect(tried).toEqual(['new', 'own', 'own'])
})
