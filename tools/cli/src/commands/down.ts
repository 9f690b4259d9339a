/** Implements the `down` command, which stops the lab but preserves its data. */

import { examples } from '@lab/host/arguments.ts'
import { downCommand } from '@lab/host/compose.ts'
import { attachedOrFail } from '@lab/host/docker.ts'
import type { Command } from 'commander'

export function register(program: Command): void {
  program
    .command('down')
    .description('stop the lab with all profiles and the scaler; volumes and images remain')
    .addHelpText('after', examples('./lab down'))
    .action(() => attachedOrFail(downCommand()))
}
