/** `up`: looks whether it can run, starts it, says where it is. */
import { services } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { columns } from '../columns.ts'
import { type UpOptions, upCommand } from '../compose.ts'
import { attached, say } from '../docker.ts'
import { findingsOf } from '../doctor/findings.ts'
import { findingLines } from '../doctor/lines.ts'
import { gatherFacts } from '../doctor/probes.ts'
import { waitForEntry } from '../entry.ts'
import { LabError } from '../lab-error.ts'
import { openPlaces } from '../places.ts'
import { labContainers, profilesOn, runningServices } from '../project.ts'
import { examples, wholeNumber } from './options.ts'

/** How long the entry may take to lead to a replica once all is healthy; it takes two or three seconds. */
const entryWithinMs = 20_000

interface Options extends Omit<UpOptions, 'timeoutSeconds'> {
  timeout: number
  preflight: boolean
}

export function register(program: Command): void {
  program
    .command('up')
    .description('start the lab, wait until all of it is healthy, and list where it is')
    .option('--k8s-sim', 'with the scaler, which reads scaler/hpa.yaml')
    .option('--logging', 'with Loki: logs of router and replicas')
    .option('--tracing', 'with Jaeger: traces of upgrades and messages')
    .option('--offline', 'neither build nor pull; see lab images')
    .option('--without <services...>', 'leave these services out, as in --without grafana')
    .option('--timeout <seconds>', 'how long it may take to become healthy', wholeNumber(5, 3600), 180)
    .option('--no-preflight', "don't look for what would keep it from starting")
    .addHelpText('after', examples('lab up', 'lab up --k8s-sim', 'lab up --logging --tracing', 'lab up --offline --without grafana'))
    .action(up)
}

async function up({ timeout, preflight, ...options }: Options): Promise<void> {
  const command = upCommand({ ...options, timeoutSeconds: timeout }, profilesOn())
  const profiles = command.env?.COMPOSE_PROFILES ?? profilesOn()
  if (preflight) await refuseIfBlocked(profiles, options.without ?? [])
  if (!options.k8sSim && (await runningServices()).has(services.scaler)) {
    say('The scaler runs, and now there will be three replicas until it decides. To end it: lab down. To start it anew: --k8s-sim.')
  }
  const exitCode = await attached(command)
  const containers = await labContainers()
  if (exitCode !== 0) {
    const unwell = containers.filter(({ state, health }) => state !== 'running' || (health !== '' && health !== 'healthy'))
    for (const { service, name, status } of unwell) say(`${name}: ${status || 'not started'}; look at: lab logs ${service}`)
    throw new LabError(`docker compose ended with ${exitCode}`)
  }
  const open = openPlaces(containers)
  const entry = open.find(({ word }) => word === 'page')?.url
  const instead = entry && (await waitForEntry(entry, entryWithinMs))
  if (instead) say(`${entry}: no replica answers yet (${instead}); look at: lab status`)
  process.stdout.write(`\n${columns(open.map(({ what, url }) => [what, url]))}`)
  say('\nNext: lab load 300, lab scale 5, lab status. Stop it: lab down.')
  if (profiles !== profilesOn()) say(`Put COMPOSE_PROFILES=${profiles} into .env, so that plain docker compose commands know of it.`)
}

async function refuseIfBlocked(profiles: string, without: readonly string[]): Promise<void> {
  const blocked = findingsOf(await gatherFacts({ profiles, without })).filter(({ level }) => level === 'blocked')
  if (blocked.length === 0) return
  process.stderr.write(findingLines(blocked))
  throw new LabError('not started; --no-preflight tries it nevertheless')
}
