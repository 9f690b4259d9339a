/** Implements the `logs` command, which shows the output of the services. */

import { examples } from '@lab/host/arguments.ts'
import { type LogsOptions, logsCommand } from '@lab/host/compose.ts'
import { attachedOrFail } from '@lab/host/docker.ts'
import { model } from '@lab/lab/compose/project.ts'
import type { Command } from 'commander'
import { refuseUnknownServices } from '../services.ts'

export function register(program: Command): void {
  program
    .command('logs')
    .description('show the output of all services, or of the given services')
    .argument('[services...]', 'names of services in compose.yaml')
    .option('-f, --follow', 'follow the output')
    .option('--tail <lines>', 'number of lines to show from the end of each log')
    .option('--since <when>', 'show only newer lines, for example 5m or 2026-01-31T12:00:00Z')
    .addHelpText('after', examples('./lab logs ws -f --tail 20', './lab logs --since 5m'))
    .action(async (services: readonly string[], options: Omit<LogsOptions, 'services'>, command: Command) => {
      // Compose's own error message for an unknown service does not list the valid names.
      if (services.length > 0) refuseUnknownServices(services, await model(), command)
      await attachedOrFail(logsCommand({ ...options, services }))
    })
}
