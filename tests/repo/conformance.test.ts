/** How many decisions of Kubernetes' controller there are, where pages say it. That all of them pass: scaler/src/conformance. */
import { expect, test } from 'vitest'
import { readBundledCases } from '../../scaler/src/conformance/files.ts'
import { read } from './lib/repo-files.ts'

test('the pages count cases and decisions as they are', async () => {
  const { scenarios } = await readBundledCases()
  const cases = scenarios.flatMap((file) => file.scenarios)
  const decisions = cases.reduce((sum, { steps }) => sum + steps.filter(({ expected }) => expected != null).length, 0).toLocaleString('en')
  const ofUnitTests = cases.filter(({ upstream }) => upstream != null).length
  expect(read('README.md').replaceAll('\n', ' ')).toContain(
    `takes ${decisions} decisions of Kubernetes' own controller again, in ${cases.length} cases: ${ofUnitTests} are from its unit tests.`,
  )
  expect(read('scaler/conformance/README.md')).toContain(`${cases.length} cases with ${decisions} decisions`)
})
