import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRolloutScale, rolloutFilePath, writeRolloutScale } from './rollout-file.ts'

test('what one side writes, the other reads; anything else is refused', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'scale-')), 'new')
  expect(await readRolloutScale(folder)).toBeUndefined()
  const scale = { from: 1, to: 2, replicas: 4 }
  await writeRolloutScale(folder, scale)
  expect(await readRolloutScale(folder)).toEqual(scale)
  for (const text of [
    '',
    '{}',
    '{"from":1,"to":2,"replicas":-1}',
    '{"from":1,"to":2,"replicas":3,"image":"x"}',
    '{"from":1,"to":2,"replicas":1e9}',
  ]) {
    writeFileSync(rolloutFilePath(folder), text)
    await expect(readRolloutScale(folder), text).rejects.toThrow('is no scale of a rollout')
  }
  await writeRolloutScale(folder, undefined)
  await writeRolloutScale(folder, undefined)
  expect(await readRolloutScale(folder)).toBeUndefined()
})
