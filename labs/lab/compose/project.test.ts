/** Checks that each project's reports are written to a separate folder. */
import { expect, test } from 'vitest'
import { scalerState } from './project.ts'

test('labs of two projects in one checkout have separate decision logs, unless a folder is set', () => {
  const own = { SCALER_STATE: '' }
  expect(scalerState({ ...own, COMPOSE_PROJECT_NAME: 'one' })).toMatch(/[\\/]reports[\\/]one[\\/]scaler$/)
  expect(scalerState({ ...own, COMPOSE_PROJECT_NAME: 'two' })).toMatch(/[\\/]reports[\\/]two[\\/]scaler$/)
  expect(scalerState({ SCALER_STATE: 'reports/x', COMPOSE_PROJECT_NAME: 'two' })).toMatch(/[\\/]reports[\\/]x$/)
})
