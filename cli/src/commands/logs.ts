/** `logs`: what the services print. */
import type { Command } from 'commander'
import { type LogsOptions, logsCommand } from '../compose.ts'
import { attachedOrFail } from '../docker.ts'
import { examples } from './options.ts'

export function register(program: Command): void {
  program
    .command('logs')
    .description('what the services print, of one or of all')
    .argument('[service]', 'as in compose.yaml')
    .option('-f, --follow', 'go on as more comes')
    .option('--tail <lines>', 'only the last lines of each container')
    .option('--since <when>', 'only what is newer, as in 5m or 2026-01-31T12:00:00Z')
    .addHelpText('after', examples('lab logs ws -f --tail 20', 'lab logs --since 5m'))
    .action((service: string | undefined, options: Omit<LogsOptions, 'service'>) =>
      attachedOrFail(logsCommand({ ...options, ...(service && { service }) })),
    )
}
