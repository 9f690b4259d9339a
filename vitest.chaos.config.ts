import { defineConfig } from 'vitest/config'
import { ByName } from './tests/stack/lib/by-name.ts'

/** Needs Docker, and some ten minutes: every fault of `lab chaos`, checked, and the reconnect storm, on a stack of their own. */
export default defineConfig({
  test: {
    include: ['tests/chaos/**/*.test.ts'],
    globalSetup: ['tests/stack/lib/global-setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/chaos-tests.json' }]],
  },
})
