import { defineConfig } from 'vitest/config'
import { ByName } from './tests/stack/lib/by-name.ts'

/** Needs Docker, and a quarter of an hour: the workshop's steps, solved by their pages' own commands, in a lab that they start themselves. */
export default defineConfig({
  test: {
    include: ['tests/workshop/**/*.test.ts'],
    globalSetup: ['tests/workshop/lib/global-setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/workshop-tests.json' }]],
  },
})
