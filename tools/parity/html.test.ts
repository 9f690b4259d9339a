import { expect, test } from 'vitest'
import { compareCurves } from './core/curves.ts'
import { type ParityResult, problemsOf, summaryOf } from './core/result.ts'
import { parityHtml } from './html.ts'

const curve = (...counts: readonly number[]) => counts.map((replicas, i) => ({ atSeconds: i * 3, replicas, needed: 2 }))

function resultOf(controller: readonly number[], replay: readonly number[], late = 0): ParityResult {
  const [a, b] = [curve(...controller), curve(...replay)]
  return {
    startedAt: '2026-01-01T12:00:00.000Z',
    kubernetes: 'v1.36.3',
    recording: { id: '<recorded>', source: 'test', timeScale: 5 },
    syncPeriodSeconds: 3,
    open: { moments: [], late: 0 },
    closed: { moments: [], late, controller: a, replay: b, comparison: compareCurves(a, b, 2) },
  }
}

test('equal curves pass', () => {
  const result = resultOf([2, 4, 4], [2, 4, 4])
  const page = parityHtml(result)
  expect(page).toContain('✓ PASS')
  expect(page).toContain('&lt;recorded&gt;')
  expect(page).toContain('2 → 4, sync 2, 3.0 s')
  expect([...page.matchAll(/<h2>([^<]*)</g)].map(([, title]) => title)).toEqual(['Open loop', 'Closed loop', 'How it was measured'])
  expect(summaryOf(result)).toContain('replica curves: 0.00 % apart; 1 changes, at most 0 syncs apart')
})

test('different curves fail, with the reason', () => {
  const result = resultOf([2, 4, 4], [2, 2, 2])
  expect(problemsOf(result)).toEqual(['closed loop: the replica curves differ by more than the limits'])
  expect(parityHtml(result)).toContain('✗ FAIL')
  expect(summaryOf(result)).toContain('no parity: closed loop')
})

test('a slow machine is named only if there are differences', () => {
  expect(problemsOf(resultOf([2, 2], [2, 2], 1))).toEqual([])
  expect(problemsOf(resultOf([2, 4, 4], [2, 2, 2], 1))).toContainEqual(expect.stringContaining('the machine was too slow at 1 syncs'))
})
