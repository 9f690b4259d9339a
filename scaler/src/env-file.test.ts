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

describe('what the file adds', () => {
  test.each([
    ['what is not set', { LAB_PORT: '8001' }, {}, { LAB_PORT: '8001' }],
    ['nothing that is set', { LAB_PORT: '8001' }, { LAB_PORT: '8002' }, {}],
    ['nothing that is set and empty', { VALKEY_URL: 'valkey://x' }, { VALKEY_URL: '' }, {}],
    ['nothing that Compose fills in', { A: '$LAB_PORT', B: 'a\\nb', C: 'plain' }, {}, { C: 'plain' }],
    ['nothing where Compose does not read it', { LAB_PORT: '8001' }, { COMPOSE_DISABLE_ENV_FILE: 'true' }, {}],
    ['all of it where Compose does', { LAB_PORT: '8001' }, { COMPOSE_DISABLE_ENV_FILE: '0' }, { LAB_PORT: '8001' }],
  ])('%s', (_what, written, env, expected) => {
    expect(addedBy(written, env)).toEqual(expected)
  })
})

test('a file that is not there, and a folder of its name, hold nothing', () => {
  expect(envFile(file())).toEqual({})
  mkdirSync(file())
  expect(envFile(file())).toEqual({})
})

test('it is put into the environment of the process', () => {
  writeFileSync(file(), '# ours\nPROMETHEUS_PORT=18202 # taken\nSCALER_STATE="reports/two"\n')
  vi.stubEnv('PROMETHEUS_PORT', undefined)
  vi.stubEnv('SCALER_STATE', 'reports/one')
  loadEnvFile(file())
  expect([process.env.PROMETHEUS_PORT, process.env.SCALER_STATE]).toEqual(['18202', 'reports/one'])
})
