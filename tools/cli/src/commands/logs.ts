/** Implements the `logs` command, which shows the output of the services. */

import { examples } from '@lab/host/arguments.ts'
import { type LogsOptions, logsCommand } from '@lab/host/compose.ts'
import { attachedOrFail } from '@lab/host/docker.ts'
import { model } from '@lab/lab/compose/project.ts'
import { podLogsArgs } from '@lab/lab/kubernetes/logs.ts'
import { serviceOf } from '@lab/lab/kubernetes/pods.ts'
import { onOption, type WhichLab } from '@lab/lab/options.ts'
import type { Command } from 'commander'
import { onKubernetes } from '../kubernetes.ts'
import { refuseUnknownServices } from '../services.ts'

/** The kinds of labs whose services write to a log; the processes of an embedded lab write to its terminal. */
const kinds = ['compose', 'kubernetes'] as const

type Options = Omit<LogsOptions, 'services'> & WhichLab<(typeof kinds)[number]>

export function register(program: Command): void {
  program
    .command('logs')
    .description('show the output of all services, or of the given services')
    .argument('[services...]', 'names of services, for example ws')
    .addOption(onOption(kinds))
    .option('-f, --follow', 'follow the output')
    .option('--tail <lines>', 'number of lines to show from the end of each log')
    .option('--since <when>', 'show only newer lines, for example 5m or 2026-01-31T12:00:00Z')
    .addHelpText('after', examples('./lab logs ws -f --tail 20', './lab logs --since 5m', './lab logs ws --on kubernetes'))
    .action(async (services: readonly string[], { on, ...options }: Options, command: Command) => {
      if (on === 'kubernetes') return logsOnKubernetes({ ...options, services }, command)
      // Compose's own error message for an unknown service does not list the valid names.
      if (services.length > 0) refuseUnknownServices(services, Object.keys((await model()).services), command)
      await attachedOrFail(logsCommand({ ...options, services }))
    })
}

async function logsOnKubernetes({ services = [], ...options }: LogsOptions, command: Command): Promise<void> {
  const running = await onKubernetes(async (lab) => (await lab.pods()).flatMap((pod) => serviceOf(pod) ?? []))
  refuseUnknownServices(services, [...new Set(running)], command)
  await attachedOrFail({ args: podLogsArgs({ ...options, services }) }, 'kubectl')
}
