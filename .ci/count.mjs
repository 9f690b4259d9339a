/**
 * Adds up the results of test runs: node count.mjs NAME:EXITCODE[:REPORT]... REPORT is the path of a JSON report written by Vitest. A step
 * that fails although no test failed (because of a lint error, a test file that fails to load, or a missing report) counts as one failure.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

let passed = 0
let failed = 0
for (const argument of process.argv.slice(2)) {
  const [, name, exitCode, path] = /^(.+?):(\d+|not-run)(?::(.+))?$/.exec(argument) ?? []
  if (name === undefined) throw new Error(`${argument}: not NAME:EXITCODE[:REPORT]`)
  const run = path === undefined ? { passed: 0, failed: 0, skipped: 0, failures: [] } : read(path)
  const unexplained = run.failed === 0 && (exitCode !== '0' || run.missing) ? 1 : 0
  passed += run.passed
  failed += run.failed + unexplained
  if (path !== undefined || unexplained > 0) {
    const why = unexplained > 0 ? `, failed without a failed test (exit code ${exitCode}${run.missing ? `, ${run.missing}` : ''})` : ''
    console.log(`${name}: ${run.passed} passed, ${run.failed} failed, ${run.skipped} skipped${why}`)
  }
  // A run's failures are printed again after its results, because people often read only the end of the output.
  for (const line of run.failures.slice(0, 20)) console.log(`  failed: ${line}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function read(path) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(path, 'utf8'))
    // A test file that fails to load counts as a failure, even though it reports no failed test.
    const brokenFiles = testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
    )
    const failures = testResults.flatMap(({ name, message, assertionResults }) => [
      ...(brokenFiles.some((file) => file.name === name) ? [`${relative('.', name)}: ${firstLine(message)}`] : []),
      ...assertionResults
        .filter(({ status }) => status === 'failed')
        .map((one) => `${relative('.', name)} > ${one.fullName}: ${firstLine(one.failureMessages[0])}`),
    ])
    const missing = numPassedTests + numFailedTests === 0 ? 'no test ran' : undefined
    return {
      passed: numPassedTests,
      failed: numFailedTests + brokenFiles.length,
      skipped: numPendingTests + numTodoTests,
      failures,
      missing,
    }
  } catch (error) {
    return { passed: 0, failed: 0, skipped: 0, failures: [], missing: `no report: ${error.message}` }
  }
}

function firstLine(text) {
  return String(text ?? '')
    .split('\n', 1)[0]
    .slice(0, 300)
}
