import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { addedBy, envFile, loadEnvFile } from './env-file.ts'

let folder = ''
const file = () => join(folder, '.env')

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-env-'))
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

describe('variables from the file', () => {
  test.each([
    ['unset variables are added', { LAB_PORT: '8001' }, {}, { LAB_PORT: '8001' }],
    ['a set variable is not changed', { LAB_PORT: '8001' }, { LAB_PORT: '8002' }, {}],
    ['a variable that is set but empty is not changed', { VALKEY_URL: 'valkey://x' }, { VALKEY_URL: '' }, {}],
    ['values that Compose would interpolate are left out', { A: '$LAB_PORT', B: 'a\\nb', C: 'plain' }, {}, { C: 'plain' }],
    ['nothing is added if Compose does not read the file', { LAB_PORT: '8001' }, { COMPOSE_DISABLE_ENV_FILE: 'true' }, {}],
    ['all variables are added if Compose reads the file', { LAB_PORT: '8001' }, { COMPOSE_DISABLE_ENV_FILE: '0' }, { LAB_PORT: '8001' }],
  ])('%s', (_what, written, env, expected) => {
    expect(addedBy(written, env)).toEqual(expected)
  })
})

test('a missing file, or a folder of that name, has no variables', () => {
  expect(envFile(file())).toEqual({})
  mkdirSync(file())
  expect(envFile(file())).toEqual({})
})

test('the variables are added to the environment of the process', () => {
  writeFileSync(file(), '# ours\nPROMETHEUS_PORT=18202 # taken\nSCALER_STATE="reports/two"\n')
  vi.stubEnv('PROMETHEUS_PORT', undefined)
  vi.stubEnv('SCALER_STATE', 'reports/one')
  loadEnvFile(file())
  expect([process.env.PROMETHEUS_PORT, process.env.SCALER_STATE]).toEqual(['18202', 'reports/one'])
})
