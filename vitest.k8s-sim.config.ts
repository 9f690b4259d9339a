import { defineConfig } from 'vitest/config'
import { ByName } from './tests/stack/lib/by-name.ts'

/** Needs Docker: the lab with compose.k8s-sim.yaml, in compressed time, booted once and used by the files in the order of their names. */
export default defineConfig({
  test: {
    include: ['tests/k8s-sim/**/*.test.ts'],
    globalSetup: ['tests/k8s-sim/lib/global-setup.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
    reporters: ['verbose', ['json', { outputFile: 'reports/k8s-sim-tests.json' }]],
  },
})
