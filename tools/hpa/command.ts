/** Implements `./lab hpa`, which examines the settings of autoscalers without a lab and without a cluster. */
import { examples } from '@lab/host/arguments.ts'
import type { Command } from 'commander'
import { registerLint } from './lint-command.ts'
import { registerTest } from './test-command.ts'

/** Adds the `hpa` commands to a program. */
export function register(program: Command): void {
  const hpa = program
    .command('hpa')
    .description('find mistakes in HorizontalPodAutoscaler files, test what they do under a load, and search for better settings')
    .addHelpText('after', examples('./lab hpa lint scaler/hpa.yaml'))
  registerLint(hpa)
  registerTest(hpa)
}
