import { describe, expect, test } from 'vitest'
import { closingGraceMs, type DrainSettings, type DrainState, returnWindowMs, startDrain, stepDrain } from './drain.ts'

const settings: DrainSettings = { delayMs: 3_000, timeoutMs: 20_000, perSecond: 100 }

/**
 * Runs a drain with a simulated clock. The `at` function takes the time, the number of open sockets, and the number of these sockets whose
 * clients have been asked to reconnect. `at` returns the drain's phase and actions.
 */
function timeline(sockets: number, options: DrainSettings = settings) {
  let state = startDrain(options, 0, sockets)
  const at = (nowMs: number, left: number, asked: number) => {
    const step = stepDrain(options, state, nowMs, left, asked)
    state = step.state
    return { phase: state.phase, goodbyes: step.goodbyes, closeAll: step.closeAll }
  }
  const hurry = (nowMs: number) => {
    state = { ...state, deadlineMs: nowMs }
  }
  return { at, hurry, state: (): DrainState => state }
}

const quiet = { goodbyes: 0, closeAll: false }

describe('a drain', () => {
  test('waits for the router, sends goodbyes at its rate, waits, closes at the deadline, and allows time for the close', () => {
    const { at } = timeline(250)
    expect(at(0, 250, 0)).toEqual({ phase: 'letting-go', ...quiet })
    expect(at(2_999, 250, 0)).toEqual({ phase: 'letting-go', ...quiet })
    expect(at(3_100, 250, 0)).toEqual({ phase: 'saying-goodbye', goodbyes: 10, closeAll: false })
    expect(at(3_100, 250, 10)).toEqual({ phase: 'saying-goodbye', ...quiet })
    expect(at(4_000, 250, 10)).toEqual({ phase: 'saying-goodbye', goodbyes: 90, closeAll: false })
    expect(at(6_000, 250, 100)).toEqual({ phase: 'saying-goodbye', goodbyes: 150, closeAll: false })
    expect(at(6_100, 250, 250)).toEqual({ phase: 'waiting', ...quiet })
    expect(at(19_999, 1, 1)).toEqual({ phase: 'waiting', ...quiet })
    expect(at(20_000, 1, 1)).toEqual({ phase: 'closing', goodbyes: 0, closeAll: true })
    expect(at(20_100, 1, 1)).toEqual({ phase: 'closing', ...quiet, closeAll: true })
    expect(at(20_000 + closingGraceMs - 1, 1, 1).phase).toBe('closing')
    expect(at(20_000 + closingGraceMs, 1, 1).phase).toBe('done')
    expect(at(30_000, 1, 1)).toEqual({ phase: 'done', ...quiet })
  })

  test('is done as soon as all sockets have closed, but not before the delay for the router', () => {
    const { at } = timeline(0)
    expect(at(1_000, 0, 0).phase).toBe('letting-go')
    expect(at(3_000, 0, 0).phase).toBe('done')
    const { at: later } = timeline(2)
    expect(later(3_500, 2, 0).goodbyes).toBe(2)
    expect(later(4_000, 0, 0).phase).toBe('done')
  })

  test('is done at once when the last peer has answered the close frame', () => {
    const { at } = timeline(1)
    at(20_000, 1, 0)
    expect(at(20_050, 0, 0).phase).toBe('done')
  })

  test('never sends more goodbyes than there are sockets, and also sends one to late connections', () => {
    const { at } = timeline(5)
    expect(at(10_000, 5, 0).goodbyes).toBe(5)
    expect(at(10_100, 5, 5).phase).toBe('waiting')
    expect(at(10_200, 6, 5)).toEqual({ phase: 'saying-goodbye', goodbyes: 1, closeAll: false })
  })

  test('sends goodbyes faster if necessary, so that the last clients are asked with two fifths of the time left', () => {
    const { at } = timeline(10_000, { delayMs: 3_000, timeoutMs: 20_000, perSecond: 500 })
    let asked = 0
    for (let nowMs = 3_000; nowMs <= 13_300; nowMs += 100) asked += at(nowMs, 10_000, asked).goodbyes
    expect(asked).toBe(10_000)
    const { at: fewer } = timeline(2_000, { delayMs: 3_000, timeoutMs: 20_000, perSecond: 500 })
    expect(fewer(4_000, 2_000, 0).goodbyes).toBe(500)
  })

  test('a second request moves the deadline to the present time', () => {
    const { at, hurry } = timeline(3)
    expect(at(100, 3, 0).phase).toBe('letting-go')
    hurry(200)
    expect(at(200, 3, 0)).toEqual({ phase: 'closing', goodbyes: 0, closeAll: true })
    expect(at(300, 0, 0).phase).toBe('done')
  })

  test('closes all sockets in the first step if the timeout is zero', () => {
    const { at } = timeline(3, { delayMs: 0, timeoutMs: 0, perSecond: 1 })
    expect(at(0, 3, 0)).toEqual({ phase: 'closing', goodbyes: 0, closeAll: true })
  })
})

describe('the window for reconnecting', () => {
  const windowAt = (sockets: number, nowMs: number) => returnWindowMs(settings, startDrain(settings, 0, sockets), nowMs)
  test('is as long as sending the goodbyes takes, within bounds', () => {
    expect(windowAt(1, 3_000)).toBe(500)
    expect(windowAt(300, 3_000)).toBe(3_000)
    expect(windowAt(100_000, 3_000)).toBe(10_000)
  })

  test('ends before the deadline, and is never negative', () => {
    expect(windowAt(100_000, 15_000)).toBe(4_000)
    expect(windowAt(300, 25_000)).toBe(0)
  })
})
