import { defineConfig } from 'vitest/config'
import { ByName } from './tests/stack/lib/by-name.ts'

/** Needs Docker: the lab with its scaler, booted once; every alert is provoked, seen to arrive, and seen to end. About 12 minutes. */
export default defineConfig({
  test: {
    include: ['tests/alerts/**/*.test.ts'],
    globalSetup: ['tests/alerts/lib/global-setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    // Faults that don't disturb each other run at once.
    maxConcurrency: 20,
    testTimeout: 420_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/alerts-tests.json' }]],
  },
})
