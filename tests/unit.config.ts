import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Configures the tests that do not need Docker. Each suite that needs a running lab has its own configuration in its folder. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['{contract,client,ledger,labs,services,scaler,embedded,k6,grafana,tools,tests/browser,tests/repo}/**/*.test.ts'],
    // Slow test files mostly wait for processes, timers or a page, so more test files can run at once than there are cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // A busy machine may need several times as long as an idle one.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: 'reports/tests.json' }]],
    coverage: {
      provider: 'v8',
      include: ['services/ws/src/**/*.ts', 'client/src/**/*.ts'],
      // Coverage excludes code that runs only in a browser, in k6 or with a real Valkey, because the unit tests use none of these.
      exclude: ['services/ws/src/page/**', 'client/src/k6.ts', 'services/ws/src/valkey/**'],
      thresholds: { lines: 90 },
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
