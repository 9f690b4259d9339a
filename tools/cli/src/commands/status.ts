/** Implements the `status` command, which shows the replicas, the other services and the URLs. */
import { services } from '@lab/contract/endpoints.ts'
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { examples, printJson } from '@lab/host/arguments.ts'
import { psCommand } from '@lab/host/compose.ts'
import { show } from '@lab/host/docker.ts'
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import { byReplica, stateName } from '@lab/host/readings.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { labContainers } from '@lab/lab/compose/project.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import type { Command } from 'commander'
import { embeddedLab, embeddedPlaces } from '../embedded.ts'
import { kubernetesPlaces, onKubernetes } from '../kubernetes.ts'
import { embeddedStatus, kubernetesStatus, type ReplicaReadings, type Status, statusOf, statusText } from '../status.ts'

export function register(program: Command): void {
  program
    .command('status')
    .description('show replicas with their state and sockets, other services and URLs; exit code 1 if the lab is not running')
    .addOption(onOption())
    .addOption(pageOption())
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('./lab status', './lab status --json', './lab status --on embedded', './lab status --on kubernetes'))
    .action(async ({ json = false, ...which }: WhichLab & { json?: boolean }) => {
      const status = await readStatus(which)
      if (json) printJson(status)
      else process.stdout.write(statusText(status))
      if (!status.running) process.exitCode = exitCodes.failed
    })
}

function readStatus(which: WhichLab): Promise<Status> {
  switch (which.on) {
    case 'compose':
      return readCompose()
    case 'embedded':
      return readEmbedded(which)
    case 'kubernetes':
      return onKubernetes(async (lab) => {
        const [pods, readings] = await Promise.all([lab.pods(), readReplicas(lab.prometheus)])
        return kubernetesStatus(pods, readings, kubernetesPlaces(lab))
      })
  }
}

async function readEmbedded(which: WhichLab): Promise<Status> {
  const lab = await embeddedLab(which)
  return embeddedStatus((await lab.readings()).replicas, embeddedPlaces(lab))
}

async function readCompose(): Promise<Status> {
  show(psCommand())
  const containers = await labContainers()
  const place = openPlaces(containers).find(({ word }) => word === services.prometheus)
  return statusOf(containers, place ? await readReplicas(prometheusAt(place.url)) : failure('Prometheus does not run'))
}

async function readReplicas(prometheus: Prometheus): Promise<Result<ReplicaReadings>> {
  const { connectionsByReplica, stateByReplica } = queries(allReplicas)
  try {
    const [sockets, numbers] = await Promise.all([byReplica(prometheus, connectionsByReplica), byReplica(prometheus, stateByReplica)])
    return success({ sockets, states: new Map([...numbers].map(([replica, number]) => [replica, stateName(number)])) })
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error))
  }
}
