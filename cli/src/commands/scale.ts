/** `scale`: how many replicas there are. */
import { services } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { scaleCommand } from '../compose.ts'
import { attachedOrFail, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { profilesOn, runningServices } from '../project.ts'
import { examples, wholeNumber } from './options.ts'

export function register(program: Command): void {
  program
    .command('scale')
    .description('set the number of replicas; the other services are left alone')
    .argument('<replicas>', 'how many', wholeNumber(0, 100))
    .addHelpText('after', examples('lab scale 5', 'lab scale 3'))
    .action(scale)
}

async function scale(replicas: number): Promise<void> {
  const running = await runningServices()
  if (running.size === 0) throw new LabError('nothing runs; start it: lab up')
  if (running.has(services.scaler)) {
    say('The scaler runs and will decide anew. To have it leave the replicas alone: npm run scaler -- pause (resume ends that).')
  }
  await attachedOrFail(scaleCommand(replicas, running, profilesOn()))
}
