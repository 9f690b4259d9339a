/** Tests the server of the instructor's page: what it accepts, what it refuses, and how a lab's progress is merged. */
import { type LabProgress, workshopBounds, workshopPaths } from '@lab/contract/workshop-api.ts'
import { describe, expect, test } from 'vitest'
import { nothing, solved } from '../sample-facts.ts'
import { steps } from '../steps.ts'
import { createRoomApi } from './api.ts'
import { progressOf, withoutLab } from './progress.ts'
import { Room } from './room.ts'

const keyOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const anna: LabProgress = {
  name: 'Anna',
  key: keyOf(1),
  kind: 'compose',
  steps: [
    { step: 1, met: 3, of: 3 },
    { step: 2, met: 1, of: 4 },
  ],
  missing: '',
}

function server() {
  const clock = { nowMs: 0 }
  const app = createRoomApi(new Room(), 'http://192.0.2.1:8095', [], () => clock.nowMs)
  const headers = { host: 'localhost:8095', 'content-type': 'application/json' }
  const post = async (body: unknown, more: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const init = { method: 'POST', body: text, headers: { ...headers, 'content-length': String(Buffer.byteLength(text)), ...more } }
    const answer = await app.request(workshopPaths.progress, init)
    return [answer.status, ((await answer.json()) as { error?: string }).error]
  }
  const get = (path: string) => app.request(path, { headers })
  return { clock, post, get }
}

test('a report is accepted and shown without its key', async () => {
  const { post, get } = server()
  expect(await post(anna)).toEqual([200, undefined])
  const { key: _, ...shown } = anna
  expect(await (await get(workshopPaths.labs)).json()).toEqual([{ ...shown, ageSeconds: 0, stale: false }])
})

test.each<[string, unknown, number, string]>([
  ['no JSON', 'hello', 400, 'body: allowed is JSON'],
  ['no object', '7', 400, 'body: allowed is an object with name, key, kind, steps, missing'],
  ['an empty name', { ...anna, name: '' }, 400, 'name: allowed are 1 to 32 letters'],
  ['a long name', { ...anna, name: 'a'.repeat(33) }, 400, 'name: allowed are 1 to 32 letters'],
  ['markup as a name', { ...anna, name: '<b>Anna</b>' }, 400, 'name: allowed are 1 to 32 letters'],
  ['a name with a line break', { ...anna, name: 'An\nna' }, 400, 'name: allowed are 1 to 32 letters'],
  ['another key', { ...anna, key: 'anna' }, 400, 'key: allowed is a UUID'],
  ['an unknown kind', { ...anna, kind: 'swarm' }, 400, 'kind: allowed are compose, embedded and null'],
  ['a step below 1', { ...anna, steps: [{ step: 0, met: 0, of: 0 }] }, 400, 'steps.0.step: allowed is a whole number from 1 to 99'],
  ['many steps', { ...anna, steps: Array(21).fill({ step: 1, met: 0, of: 1 }) }, 400, 'steps: allowed are at most 20 steps'],
  ['a long text', { ...anna, missing: 'x'.repeat(201) }, 400, 'missing: allowed are at most 200 characters'],
  ['an unknown field', { ...anna, admin: true }, 400, 'body: allowed is an object with name'],
  ['a large body', { ...anna, missing: 'x'.repeat(5_000) }, 413, 'body: allowed are at most 4096 bytes'],
])('%s is refused in one line', async (_what, body, status, line) => {
  const { post, get } = server()
  const [got, error] = await post(body)
  expect([got, error]).toEqual([status, expect.stringContaining(line)])
  expect(error).not.toContain('\n')
  expect(await (await get(workshopPaths.labs)).json()).toEqual([])
})

test('reports from foreign web pages are refused', async () => {
  const { post } = server()
  expect(await post(anna, { origin: 'https://evil.example' })).toEqual([403, expect.stringContaining('Origin https://evil.example')])
  expect(await post(anna, { host: 'evil.example' })).toEqual([403, expect.stringContaining('Host evil.example')])
})

test('a lab may report once a second, and a name belongs to the first lab that uses it', async () => {
  const { clock, post } = server()
  await post(anna)
  clock.nowMs = 999
  expect(await post(anna)).toEqual([429, 'allowed is 1 report per second from one lab'])
  clock.nowMs = 1_000
  expect(await post(anna)).toEqual([200, undefined])
  expect(await post({ ...anna, name: 'ANNA', key: keyOf(2) })).toEqual([409, 'name: ANNA is in use by another lab; choose another name'])
})

test('the numbers of labs and of reports are bounded', async () => {
  const { clock, post } = server()
  const lab = (n: number) => ({ ...anna, name: `Lab ${n}`, key: keyOf(n) })
  for (let n = 1; n <= workshopBounds.labs; n++) expect(await post(lab(n))).toEqual([200, undefined])
  expect(await post(lab(61))).toEqual([409, 'the room is full: allowed are 60 labs'])
  for (let n = 62; n <= workshopBounds.reportsOfAllPerSecond; n++) await post(lab(n))
  expect(await post(lab(1))).toEqual([429, 'allowed are 100 reports per second from all labs together'])
  clock.nowMs = 1_000
  expect(await post(lab(1))).toEqual([200, undefined])
})

test('the page inserts the steps and the join command, and unknown paths are refused', async () => {
  const { get } = server()
  const page = await (await get('/')).text()
  expect(page).toContain('data-join="http://192.0.2.1:8095"')
  expect(page).not.toContain('{{')
  for (const path of ['/room.js', '/room.css', '/style.css']) expect((await get(path)).status).toBe(200)
  expect((await get('/room.ts')).status).toBe(404)
})

describe("a lab's progress", () => {
  const stepsOf = (room: Room, nowMs: number) => room.view(nowMs)[0]?.steps.map(({ step, met, of }) => `${step}: ${met}/${of}`)

  test('keeps the steps that were done, and replaces the others', () => {
    const room = new Room()
    room.report(anna, 0)
    const later = [
      { step: 1, met: 0, of: 3 },
      { step: 2, met: 0, of: 4 },
    ]
    expect(room.report({ ...anna, steps: later }, 10_000)).toBeNull()
    expect(stepsOf(room, 10_000)).toEqual(['1: 3/3', '2: 0/4'])
  })

  test('stays while no lab is running', () => {
    const room = new Room()
    room.report(anna, 0)
    room.report({ ...anna, ...withoutLab('no lab is running') }, 10_000)
    expect(stepsOf(room, 10_000)).toEqual(['1: 3/3', '2: 1/4'])
    expect(room.view(10_000)).toMatchObject([{ kind: null, missing: 'no lab is running' }])
  })

  test('is stale after some reports were missed', () => {
    const room = new Room()
    room.report(anna, 0)
    const staleMs = workshopBounds.staleSeconds * 1000
    expect([staleMs, staleMs + 1_000].map((nowMs) => room.view(nowMs)[0]?.stale)).toEqual([false, true])
  })

  test('has all steps that the kind of lab supports, and what is missing first', () => {
    const { steps: reported, missing } = progressOf({ ...nothing, ...solved[1] })
    expect(reported.map(({ step }) => step)).toEqual(steps.map(({ number }) => number))
    expect(reported.filter(({ met, of }) => met === of)).toEqual([{ step: 1, met: 3, of: 3 }])
    expect(missing).toBe('without a cookie, requests go to different replicas: no answer in workshop/my/without-cookie.txt')
    expect(progressOf({ ...nothing, kind: 'embedded' }).steps.map(({ step }) => step)).not.toContain(8)
    expect(withoutLab('x'.repeat(300)).missing).toHaveLength(workshopBounds.text)
  })
})
