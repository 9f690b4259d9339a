/** Tests how the Job of the `load` overlay is adapted to a run, and how the run's result is read. */
import { readFileSync } from 'node:fs'
import { root } from '@lab/host/root.ts'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { exitCodesOf, loadJob, podProblem, readJob, summaryOf } from './load-job.ts'
import { readPods } from './pods.ts'

const overlay = JSON.stringify(parse(readFileSync(`${root}k8s/overlays/load/job.yaml`, 'utf8')))

test.each([
  [500, 5, 100],
  [501, 5, 101],
  [3, 3, 1],
])('%i sockets are shared by %i pods with %i sockets each', (sockets, pods, socketsPerPod) => {
  const job = loadJob(overlay, { scenario: 'rooms', sockets, seconds: 30, seed: 7, short: true })
  expect(job).toMatchObject({ pods, socketsPerPod })
  const { spec } = JSON.parse(job.json)
  expect(spec).toMatchObject({ parallelism: pods, completions: pods, activeDeadlineSeconds: 330, backoffLimit: 0 })
  const [{ env, image }] = spec.template.spec.containers
  expect(image).toMatch(/^websocket-lab\/k6:/)
  const value = (wanted: string) => env.filter(({ name }: { name: string }) => name === wanted)
  const expected = { SCENARIO: 'rooms', SOCKETS: String(socketsPerPod), DURATION: '30', SEED: '7', SHORT: '1', TARGET: 'http://ws:3001' }
  for (const [name, text] of Object.entries(expected)) expect(value(name)).toEqual([{ name, value: text }])
})

test.each([
  ['', undefined],
  ['{"status":{}}', { result: undefined }],
  ['{"status":{"conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True"}]}}', { result: 'Complete' }],
  ['{"status":{"conditions":[{"type":"Failed","status":"True"}]}}', { result: 'Failed' }],
])('the Job %s', (text, expected) => {
  expect(readJob(text)).toEqual(expected)
})

test('the exit codes of pods, and a pod that cannot start', () => {
  const pod = (name: string, state: object) => ({
    metadata: { name, creationTimestamp: '2026-01-31T12:00:00Z' },
    status: { containerStatuses: [{ name: 'k6', state }] },
  })
  const pods = (...items: object[]) => readPods(JSON.stringify({ items }))
  const ended = [
    pod('a', { terminated: { exitCode: 0 } }),
    pod('b', { terminated: { exitCode: 99 } }),
    pod('c', { running: { startedAt: '' } }),
  ]
  expect(exitCodesOf(pods(...ended))).toEqual([0, 99])
  expect(podProblem(pods(...ended))).toBeUndefined()
  expect(podProblem(pods(pod('d', { waiting: { reason: 'ImagePullBackOff' } })))).toBe('the pod d cannot start: ImagePullBackOff')
})

test("k6's summary is found between its progress lines", () => {
  const log = [
    'banner',
    'time="2026-01-31T12:00:00Z" level=info msg="smoke (short): 4 sockets on 1 VUs"',
    'running (00.9s), 1/1 VUs',
    '',
    'smoke (short): 4 sockets to ws://ws:3001, 8 s, seed 2',
    '',
    'All thresholds met.',
    'As JSON: reports/k6.json',
    '',
    'running (08.2s), 0/1 VUs',
  ].join('\n')
  expect(summaryOf(log)).toBe('smoke (short): 4 sockets to ws://ws:3001, 8 s, seed 2\n\nAll thresholds met.')
  expect(summaryOf('error\n')).toBe('error')
})
