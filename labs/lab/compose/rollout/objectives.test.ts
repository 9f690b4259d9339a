/** Tests when a new version misses its objectives, and when a miss is not the fault of the new version. */
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { defaultObjectives, missedObjective, type ObjectiveReading, p95 } from './objectives.ts'
import { smokeTest } from './observe.ts'

const well: ObjectiveReading = { messages: 100, errors: 0, latencySeconds: 0.01 }

describe('an objective', () => {
  test.each<[string, ObjectiveReading, ObjectiveReading | undefined, string | undefined]>([
    ['is met', well, well, undefined],
    [
      'of errors is missed',
      { ...well, errors: 6 },
      well,
      '6.0 % of its messages are answered with an error, allowed are 5.0 %, the old version 0.0 %',
    ],
    [
      'of latency is missed',
      { ...well, latencySeconds: 1.2 },
      well,
      '95 % of its answers take 1200 ms, allowed are 1000 ms, the old version 10 ms',
    ],
    [
      'of latency is missed in the smoke test',
      { ...well, latencySeconds: 1.2 },
      undefined,
      '95 % of its answers take 1200 ms, allowed are 1000 ms',
    ],
    ['is just met', { messages: 100, errors: 5, latencySeconds: 1 }, well, undefined],
    [
      'is missed by the old version as well, and by more',
      { ...well, errors: 6, latencySeconds: 2 },
      { ...well, errors: 50, latencySeconds: 3 },
      undefined,
    ],
    ['cannot be judged from few messages', { messages: 19, errors: 19, latencySeconds: 9 }, well, undefined],
    ['of latency cannot be judged without send times', { ...well, latencySeconds: undefined }, well, undefined],
    [
      'is missed when the old version serves nobody',
      { ...well, errors: 6 },
      { messages: 0, errors: 0, latencySeconds: undefined },
      '6.0 % of its messages are answered with an error, allowed are 5.0 %, the old version 0.0 %',
    ],
  ])('%s', (_what, updated, old, expected) => {
    expect(missedObjective(updated, old, defaultObjectives)).toBe(expected)
  })

  test('uses the 95th of 100 values', () => {
    expect(p95(Array.from({ length: 100 }, (_, index) => 100 - index))).toBe(95)
    expect(p95([])).toBeUndefined()
  })
})

describe('the smoke test', () => {
  const open: WebSocketServer[] = []
  afterEach(() => {
    for (const server of open.splice(0)) {
      for (const client of server.clients) client.terminate()
      server.close()
    }
  })

  /** Starts an entry point whose replica sends the result of `answer` in reply to each message, or nothing if the result is undefined. */
  async function entry(
    replica: string,
    answer: () => { type: string } | undefined,
    limits?: { messagesPerSecond: number },
  ): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await new Promise((resolve) => server.once('listening', resolve))
    server.on('connection', (socket) => {
      socket.send(JSON.stringify({ type: 'connection_established', replica, limits }))
      socket.on('message', () => {
        const message = answer()
        if (message !== undefined) socket.send(JSON.stringify(message))
      })
    })
    open.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test.each([
    ['is served', () => ({ type: 'message_response' }), { ok: true, detail: 'it serves' }],
    [
      'fails with errors',
      () => ({ type: 'error' }),
      { ok: false, missed: true, detail: 'the smoke test failed: 100.0 % of its messages are answered with an error, allowed are 5.0 %' },
    ],
    ['is not answered', () => undefined, { ok: false, detail: 'a socket through Traefik was not served within 6 s' }],
  ])('%s', { timeout: 15_000 }, async (_what, answer, expected) => {
    expect(await smokeTest({ entry: await entry('ws-4', answer), replicas: ['ws-4'], headers: {}, objectives: defaultObjectives })).toEqual(
      expected,
    )
  })

  test('sends no more messages than the replica allows in a burst', async () => {
    let received = 0
    const answer = () => ({ type: ++received <= 4 * 3 ? 'message_response' : 'error' })
    const url = await entry('ws-4', answer, { messagesPerSecond: 3 })
    expect(await smokeTest({ entry: url, replicas: ['ws-4'], headers: {}, objectives: defaultObjectives })).toMatchObject({ ok: true })
    expect(received).toBe(4 * 3)
  })

  test('fails on slow answers, and only waits while another replica answers', async () => {
    const url = await entry('ws-4', () => ({ type: 'message_response' }))
    const strict = { ...defaultObjectives, maxP95Seconds: 0 }
    expect(await smokeTest({ entry: url, replicas: ['ws-4'], headers: {}, objectives: strict })).toMatchObject({ ok: false, missed: true })
    expect(await smokeTest({ entry: url, replicas: ['ws-5'], headers: {}, objectives: strict })).toEqual({
      ok: false,
      detail: 'Traefik does not route to it yet, but to ws-4',
    })
  })
})
