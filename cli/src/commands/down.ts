/** `down`: stops everything, keeps the data. */
import type { Command } from 'commander'
import { downCommand } from '../compose.ts'
import { attachedOrFail } from '../docker.ts'
import { examples } from './options.ts'

export function register(program: Command): void {
  program
    .command('down')
    .description('stop the lab with all profiles and the scaler; volumes and images stay')
    .addHelpText('after', examples('lab down'))
    .action(() => attachedOrFail(downCommand()))
}
