/** `status`: replicas, the rest, and where to look. */
import { services } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { psCommand } from '../compose.ts'
import { show } from '../docker.ts'
import { openPlaces } from '../places.ts'
import { labContainers } from '../project.ts'
import { readReplicas } from '../prometheus.ts'
import { type Status, statusOf, statusText } from '../status.ts'
import { examples, printJson } from './options.ts'

export function register(program: Command): void {
  program
    .command('status')
    .description('replicas with their state and sockets, the other services, and the URLs; exit code 1 where nothing runs')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples('lab status', 'lab status --json'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const status = await readStatus()
      if (json) printJson(status)
      else process.stdout.write(statusText(status))
      if (!status.running) process.exitCode = 1
    })
}

async function readStatus(): Promise<Status> {
  const command = psCommand()
  show(command)
  const containers = await labContainers()
  const prometheus = openPlaces(containers).find(({ word }) => word === services.prometheus)
  const readings = prometheus ? await readReplicas(prometheus.url) : { problem: 'Prometheus does not run' }
  return statusOf(containers, readings)
}
