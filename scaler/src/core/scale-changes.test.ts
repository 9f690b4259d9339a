import { expect, test } from 'vitest'
import type { ScaleChange } from './decision.ts'
import { rememberChange } from './scale-changes.ts'
import type { ScalingRules } from './types.ts'

const rules = (periodSeconds: number): ScalingRules => ({ selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds }] })
const change = (timeSeconds: number, outdated = false): ScaleChange => ({ timeSeconds, change: 1, outdated })

test('a change that is exactly as old as the longest period is not outdated', () => {
  expect(rememberChange([change(-60)], { timeSeconds: 0, change: 1 }, rules(60))).toEqual([change(-60), change(0)])
  expect(rememberChange([change(-61)], { timeSeconds: 0, change: 1 }, rules(60))).toEqual([change(0)])
})

test('an outdated change stays outdated when the periods become longer', () => {
  expect(rememberChange([change(-50, true), change(-5)], { timeSeconds: 0, change: 1 }, rules(1800))).toEqual([change(0), change(-5)])
})

test('the last of several outdated changes is overwritten, and the others stay outdated', () => {
  expect(rememberChange([change(-70), change(-80), change(-5)], { timeSeconds: 0, change: 1 }, rules(60))).toEqual([
    change(-70, true),
    change(0),
    change(-5),
  ])
})
