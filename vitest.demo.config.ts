import { defineConfig } from 'vitest/config'

/** Needs no Docker, and some ten minutes: every scene on an embedded lab of its own, one after the other. */
export default defineConfig({
  test: {
    include: ['tests/demo/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/demo-tests.json' }]],
  },
})
