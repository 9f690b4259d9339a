/** The Vitest configuration shared by all test suites that start their own lab. */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { ByName } from './by-name.ts'

export interface SuiteOptions {
  /** Name of the suite's folder in tests/. */
  name: string
  /** Path of the module that starts the lab for all the suite's test files, relative to tests/. */
  globalSetup?: string
  /** Timeout for one test, in milliseconds. */
  testTimeout?: number
  /** Maximum number of concurrent tests in a file that uses describe.concurrent. */
  maxConcurrency?: number
}

/** Runs a suite's test files one after another, ordered by name, and writes the results to `reports/NAME-tests.json`. */
export function labSuite({ name, globalSetup, testTimeout = 60_000, maxConcurrency }: SuiteOptions): ViteUserConfig {
  // The setup and the test files run in different processes, which both inherit this variable (figures.ts).
  process.env.LAB_SUITE = name
  return defineConfig({
    root: fileURLToPath(new URL('../..', import.meta.url)),
    test: {
      include: [`tests/${name}/**/*.test.ts`],
      globalSetup: globalSetup === undefined ? [] : [`tests/${globalSetup}`],
      fileParallelism: false,
      sequence: { sequencer: ByName },
      testTimeout,
      hookTimeout: 120_000,
      teardownTimeout: 120_000,
      ...(maxConcurrency !== undefined && { maxConcurrency }),
      reporters: ['verbose', ['json', { outputFile: `reports/${name}-tests.json` }]],
    },
  })
}
