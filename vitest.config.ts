import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Needs no Docker. The stack tests have their own project: npm run test:stack.
    include: [
      'contract/**/*.test.ts',
      'client/**/*.test.ts',
      'services/**/*.test.ts',
      'scaler/**/*.test.ts',
      'embedded/**/*.test.ts',
      'cli/**/*.test.ts',
      'alert-receiver/**/*.test.ts',
      'grafana/**/*.test.ts',
      'bench/**/*.test.ts',
      'prove/**/*.test.ts',
      'chaos/**/*.test.ts',
      'demo/**/*.test.ts',
      'tests/browser/**/*.test.ts',
      'tests/repo/**/*.test.ts',
    ],
    // Files that take long mostly wait: for processes to start, for timers, for a page.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    testTimeout: 30_000,
    reporters: ['default', ['json', { outputFile: 'reports/tests.json' }]],
    coverage: {
      provider: 'v8',
      include: ['services/ws/src/**/*.ts', 'client/src/**/*.ts'],
      // These run in a browser, in k6, and on a real Valkey, which tests/stack/11-* have.
      exclude: ['services/ws/src/page/**', 'client/src/k6.ts', 'services/ws/src/valkey/**'],
      thresholds: { lines: 90 },
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
