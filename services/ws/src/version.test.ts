/** Tests that all replicas of one version have the same fingerprint, and that different code or settings change the fingerprint. */
import { expect, test } from 'vitest'
import { type Config, readConfig } from './config.ts'
import { fingerprintOf, sourceFiles } from './version.ts'

function config(env: Record<string, string>): Config {
  const read = readConfig(env)
  if (!read.ok) throw new Error(read.problems.join('; '))
  return read.value
}
const files = new Map([['services/ws/src/main.ts', 'code']])
const mine = fingerprintOf(config({}), files)

test.each([
  { REPLICA_ID: 'ws-9' },
  { PORT: '0', INTERNAL_PORT: '0' },
  { LAB_COLOUR: 'green', LAB_VERSION: 'v2' },
  { RESUME_SECRET: 'sixteen-characters' },
])('%j makes no other version', (env) => {
  expect(fingerprintOf(config(env), files)).toBe(mine)
})

test('another setting, another text and another path make another version', () => {
  const others = [
    fingerprintOf(config({ LOG_LEVEL: 'debug' }), files),
    fingerprintOf(config({}), new Map([['services/ws/src/main.ts', 'other code']])),
    fingerprintOf(config({}), new Map([['services/ws/src/other.ts', 'code']])),
  ]
  expect(mine).toMatch(/^[0-9a-f]{7}$/)
  expect(new Set([mine, ...others]).size).toBe(4)
})

test('the code of this checkout is found, without its tests', () => {
  const paths = [...sourceFiles().keys()]
  expect(paths).toEqual(expect.arrayContaining(['services/ws/src/main.ts', 'services/ws/package.json', 'contract/src/metrics.ts']))
  expect(paths.filter((path) => path.endsWith('.test.ts'))).toEqual([])
})
