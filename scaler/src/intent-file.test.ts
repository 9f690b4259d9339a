/** Tests the file that stores a scaler's intent. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { intentPath, readIntent, writeIntent } from './intent-file.ts'
import { simulated } from './views/sample-records.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'intent-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('an intent is read as it was written, separately for each autoscaler, until it is removed', async () => {
  const [record] = simulated('surge')
  await writeIntent(folder, 'ws', record)
  expect(await readIntent(folder, 'ws')).toEqual(JSON.parse(JSON.stringify(record)))
  expect(await readIntent(folder, 'api')).toBeUndefined()
  await writeIntent(folder, 'ws', undefined)
  expect(await readIntent(folder, 'ws')).toBeUndefined()
})

test('a file with other content is no intent', async () => {
  await writeFile(intentPath(folder, 'ws'), '{"time":\n')
  expect(await readIntent(folder, 'ws')).toBeUndefined()
})
