/** Implements `./lab hpa`, which examines the settings of autoscalers without a lab and without a cluster. */
import { examples } from '@lab/host/arguments.ts'
import type { Command } from 'commander'
import { registerLint } from './lint-command.ts'
import { registerTest } from './test-command.ts'
import { registerTune } from './tune-command.ts'

/** Adds the `hpa` commands to a program. */
export function register(program: Command): void {
  const hpa = program
    .command('hpa')
    .description('find mistakes in HorizontalPodAutoscaler files, test what they do under a load, and search for better settings')
    .addHelpText(
      'after',
      examples(
        './lab hpa lint scaler/hpa.yaml',
        './lab hpa test scaler/hpa.yaml tools/hpa/examples/lab.test.yaml',
        './lab hpa tune scaler/hpa.yaml tools/hpa/examples/lab.test.yaml',
      ),
    )
  registerLint(hpa)
  registerTest(hpa)
  registerTune(hpa)
}
