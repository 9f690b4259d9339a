import { expect, test } from 'vitest'
import type { ScaleChange } from './decision.ts'
import { rememberChange } from './scale-changes.ts'
import type { ScalingRules } from './types.ts'

const rules = (periodSeconds: number): ScalingRules => ({ selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds }] })
const change = (timeSeconds: number, outdated = false): ScaleChange => ({ timeSeconds, change: 1, outdated })

test('a change exactly as old as the longest period is not outdated yet', () => {
  expect(rememberChange([change(-60)], 1, 0, rules(60))).toEqual([change(-60), change(0)])
  expect(rememberChange([change(-61)], 1, 0, rules(60))).toEqual([change(0)])
})

test('once outdated stays outdated, also when the periods get longer', () => {
  expect(rememberChange([change(-50, true), change(-5)], 1, 0, rules(1800))).toEqual([change(0), change(-5)])
})

test('of several outdated ones the last is overwritten and the others stay marked', () => {
  expect(rememberChange([change(-70), change(-80), change(-5)], 1, 0, rules(60))).toEqual([change(-70, true), change(0), change(-5)])
})
