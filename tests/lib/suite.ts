/** The vitest configuration that all suites with their own lab share. */
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { ByName } from './by-name.ts'

export interface SuiteOptions {
  /** The suite's folder in tests/. */
  name: string
  /** Path of the module that starts the lab for all files, relative to tests/. */
  globalSetup?: string
  /** Timeout of one test, in milliseconds. */
  testTimeout?: number
  /** Maximum number of concurrent tests in a file that uses describe.concurrent. */
  maxConcurrency?: number
}

/** Runs the files of one suite one after the other, ordered by name, and writes the results to `reports/NAME-tests.json`. */
export function labSuite({ name, globalSetup, testTimeout = 60_000, maxConcurrency }: SuiteOptions): ViteUserConfig {
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
