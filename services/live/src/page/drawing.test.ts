/** Tests the labels and the chart geometry of the live page. */
import { expect, test } from 'vitest'
import { bar, barTop, box, duration, guide, line, niceTop, spanMs, summary, whole } from './drawing.js'

type State = 'starting' | 'ready' | 'draining' | 'silent'
const replicas = (...connections: number[]) =>
  connections.map((count, i) => ({ id: `ws-${i + 1}`, state: 'ready' as State, connections: count }))
const scaler = { current: 2, min: 2, max: 10, paused: false, targetConnections: 100 }

test.each([
  [null, '–'],
  [0, '0 ms'],
  [8.42, '8.4 ms'],
  [230.1, '230 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [44_794.8, '44.8 s'],
  [120_000, '120 s'],
])('formats %j milliseconds as %s', (ms, text) => {
  expect(duration(ms).replace('\u00a0', ' ')).toBe(text)
})

test('numbers have separators', () => expect(whole(5000.4)).toBe('5,000'))

test.each([
  [0, 1],
  [1, 1],
  [3, 4],
  [125, 200],
  [200, 200],
  [201, 400],
  [850, 1000],
])('an axis for %i ends at %i', (value, top) => expect(niceTop(value)).toBe(top))

test('a bar has the length of its sockets, with a separate part above the target', () => {
  expect(bar(50, 100, 200)).toEqual({ within: 25, above: 0, over: 0 })
  expect(bar(150, 100, 200)).toEqual({ within: 50, above: 25, over: 50 })
  expect(bar(150, null, 200)).toEqual({ within: 75, above: 0, over: 0 })
})

test('a bar is never longer than its box, and the target is always inside', () => {
  for (const [counts, target] of [
    [[0, 0], 100],
    [[564, 12], 150],
    [[], 9],
    [[7], null],
  ] as const) {
    const top = barTop(replicas(...counts), target)
    expect(top).toBeGreaterThan(target ?? 0)
    for (const count of counts) {
      const { within, above } = bar(count, target, top)
      expect(within + above).toBeLessThanOrEqual(100)
    }
  }
})

test('the summary states whether the replicas exceed their target', () => {
  expect(summary(replicas(0, 0), scaler)).toMatchObject({ level: 'idle', total: 0, room: 200 })
  expect(summary(replicas(100, 100), scaler)).toMatchObject({ level: 'within', room: 200 })
  expect(summary(replicas(250, 250), scaler)).toEqual({
    level: 'above',
    total: 500,
    room: 200,
    text: '500 sockets on 2 replicas: 250 per replica on average, and the target is 100.',
  })
  expect(summary(replicas(150, 40), scaler)).toMatchObject({ level: 'uneven', text: expect.stringContaining('1 of 2 hold') })
  expect(summary(replicas(250, 250), { ...scaler, max: 4 })).toMatchObject({
    level: 'full',
    text: 'Overload: 500 sockets need 5 replicas, and maxReplicas is 4.',
  })
  expect(summary(replicas(500), null)).toMatchObject({ level: 'within', room: null })
})

test('a starting or draining replica adds no capacity', () => {
  const [a, b, c] = replicas(100, 10, 0)
  if (!a || !b || !c) throw new Error('three replicas')
  expect(summary([a, { ...b, state: 'draining' }, { ...c, state: 'starting' }], scaler)).toMatchObject({
    room: 100,
    level: 'within',
    text: '100 sockets on 1 replica: 100 per replica on average, which is within the target of 100.',
  })
})

test('the next step depends on what the visitor has done', () => {
  const lab = { replicas: replicas(0, 0), scaler, shared: true, load: { wanted: 0 } }
  const at = (over: object, canKill = true) => guide({ ...lab, ...over }, canKill)
  expect(at({})).toMatch(/^Press the button “500 sockets”/)
  expect(at({ load: { wanted: 500 } })).toMatch(/being opened/)
  expect(at({ load: { wanted: 500 }, replicas: replicas(250, 250) })).toMatch(/The scaler adds replicas/)
  expect(at({ load: { wanted: 190 }, replicas: replicas(150, 40) })).toMatch(/ask some of their clients to reconnect/)
  expect(at({ load: { wanted: 200 }, replicas: replicas(100, 100) })).toMatch(/press “Kill”/)
  expect(at({ load: { wanted: 200 }, replicas: replicas(100, 100) }, false)).toMatch(/command below/)
  expect(at({ load: { wanted: 500 }, scaler: { ...scaler, paused: true } })).toMatch(/paused/)
  expect(at({ load: { wanted: 500 }, scaler: null })).toMatch(/No scaler runs/)
})

test('a line covers its points, with a gap for unknown values', () => {
  const now = 1_000_000
  const at = (secondsAgo: number, value: number | null) => ({ atMs: now - secondsAgo * 1000, value })
  expect(line([at(spanMs / 1000, 0), at(60, 10), at(0, 5)], now, 10, false)).toBe(
    `M${box.left}.0,${box.bottom}.0L179.0,${box.top}.0L${box.right}.0,58.0`,
  )
  expect(line([at(60, 0), at(0, 10)], now, 10, true)).toBe(`M179.0,${box.bottom}.0H${box.right}.0V${box.top}.0`)
  expect(line([at(60, 0), at(30, null), at(0, 0)], now, 10, false).match(/M/g)).toHaveLength(2)
  expect(line([at(121, 5), at(0, null)], now, 10, false)).toBe('')
})
