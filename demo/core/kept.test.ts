import { expect, test } from 'vitest'
import { kept } from './kept.ts'

function world(fails: (wanted: string) => boolean) {
  const brought: string[] = []
  const refuse = async (wanted: string) => {
    brought.push(wanted)
    if (fails(wanted)) throw new Error(`${wanted}: refused`)
  }
  const bring = kept<string>('own', (one, other) => one === other, refuse)
  return { brought, bring }
}

test('it is brought nowhere when it is there already', async () => {
  const { brought, bring } = world(() => false)
  for (const wanted of ['own', 'new', 'new', 'own', 'own']) await bring(wanted)
  expect(brought).toEqual(['new', 'own'])
})

test('what failed half way is put back, and a putting back that failed is tried again', async () => {
  let refusals = 2
  const { brought, bring } = world(() => refusals-- > 0)
  await expect(bring('new')).rejects.toThrow('new: refused')
  await expect(bring('own')).rejects.toThrow('own: refused')
  await bring('own')
  await bring('own')
  expect(brought).toEqual(['new', 'own', 'own'])
})
