/** Checks that the settings are validated with the services' own parsers. */
import type { Model } from '@lab/lab/compose/project.ts'
import { afterEach, expect, test, vi } from 'vitest'
import { settingProblems } from './settings.ts'

const service = (environment: Record<string, string>) => ({ profiles: [], ports: [], depends_on: {}, environment })
const lab = ({ ws = {}, scaler = {}, traefik = {} }: Record<string, Record<string, string>> = {}): Model => ({
  name: 'lab',
  services: { ws: service(ws), scaler: service(scaler), traefik: service(traefik) },
})

afterEach(() => vi.unstubAllEnvs())

test('defaults and empty settings are accepted', async () => {
  expect(await settingProblems(lab({ ws: { MAX_CONNECTIONS: '', VALKEY_URL: 'valkey://valkey:6379' } }))).toEqual([])
})

test.each([
  ['ws', { MAX_CONNECTIONS: 'lots' }, 'MAX_CONNECTIONS="lots": allowed is a whole number from 1 to 1000000'],
  ['ws', { REBALANCE: 'maybe' }, 'REBALANCE="maybe": allowed is one of on, off'],
  ['ws', { RESUME_SECRET: 'too-short' }, 'RESUME_SECRET=(hidden): allowed is what matches ^.{16,256}$'],
  ['ws', { DRAIN_DELAY: '60000', DRAIN_TIMEOUT: '20000' }, 'DRAIN_DELAY=60000: allowed is at most DRAIN_TIMEOUT, which is 20000'],
  ['traefik', { LAB_HARDENED: 'yes' }, 'LAB_HARDENED="yes": allowed is true or false'],
  ['scaler', { SCALER_TIME_SCALE: 'fast' }, 'SCALER_TIME_SCALE="fast": Allowed are numbers from 1 to 100.'],
])('%s rejects %j', async (name, environment, text) => {
  expect(await settingProblems(lab({ [name]: environment }))).toEqual([{ service: name, text }])
})

test('the length of a secret is checked without the dollar signs that Compose adds', async () => {
  expect(await settingProblems(lab({ ws: { RESUME_SECRET: '$$'.repeat(8) } }))).toHaveLength(1)
  expect(await settingProblems(lab({ ws: { RESUME_SECRET: '$$'.repeat(16) } }))).toEqual([])
})

test.each([
  ['scaler/nowhere.yaml', /^scaler\/nowhere\.yaml: cannot be read: ENOENT/],
  ['docs/hpa.yaml', /^SCALER_HPA="docs\/hpa\.yaml": allowed are files and folders in scaler\/ or workshop\/my\/$/],
  ['scaler/metrics.yaml', /^scaler\/metrics\.yaml/],
])("the scaler's file %s is rejected", async (file, text) => {
  vi.stubEnv('SCALER_HPA', file)
  const [problem] = await settingProblems(lab())
  expect(problem).toMatchObject({ service: 'scaler', text: expect.stringMatching(text) })
})

test('a secret that Compose does not pass to the replicas is reported with its correct place', async () => {
  vi.stubEnv('RESUME_SECRET', 'a secret of enough characters')
  expect(await settingProblems(lab())).toEqual([
    { service: 'ws', text: expect.stringMatching(/^RESUME_SECRET=\(hidden\): .*LAB_SECRETS$/) },
  ])
})
