import { defineConfig } from 'vitest/config'
import { ByName } from './tests/stack/lib/by-name.ts'

/** Needs Docker: one stack, booted from compose.yaml by the global setup and shared by all files, which run one after another. */
export default defineConfig({
  test: {
    include: ['tests/stack/**/*.test.ts'],
    globalSetup: ['tests/stack/lib/global-setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/stack-tests.json' }]],
  },
})
