/**
 * Checks that the documentation states the correct numbers of conformance cases. The tests in scaler/src/conformance run the conformance
 * cases.
 */

import { readBundledCases } from '@lab/scaler/conformance/files.ts'
import { expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

test('the pages give the right numbers of cases and decisions', async () => {
  const { scenarios } = await readBundledCases()
  const cases = scenarios.flatMap((file) => file.scenarios)
  const decisions = cases.reduce((sum, { steps }) => sum + steps.filter(({ expected }) => expected != null).length, 0).toLocaleString('en')
  const ofUnitTests = cases.filter(({ upstream }) => upstream != null).length
  expect(read('docs/first-steps.md').replaceAll('\n', ' ')).toContain(
    `with ${decisions} decisions of Kubernetes' own controller, in ${cases.length} cases, of which ${ofUnitTests} come from its unit tests.`,
  )
  expect(read('scaler/conformance/README.md')).toContain(`${cases.length} cases with ${decisions} decisions`)
})
