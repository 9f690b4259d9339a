/** Implements the `up` command, which checks whether the lab can run, starts it, and prints its addresses. */
import { setTimeout as sleep } from 'node:timers/promises'
import { services } from '@lab/contract/endpoints.ts'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { fileArgs, overlayFiles, type UpOptions, upCommand } from '@lab/host/compose.ts'
import { attached, attachedOrFail, say, tryDocker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { composeLab } from '@lab/lab/compose/lab.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { labContainers, type Model, model, profilesOn, runningAmong } from '@lab/lab/compose/project.ts'
import { waitForEntry } from '@lab/lab/entry.ts'
import type { Command } from 'commander'
import { columns } from '../columns.ts'
import { outdatedText } from '../doctor/checkout.ts'
import { findingsOf } from '../doctor/findings.ts'
import { findingLines } from '../doctor/lines.ts'
import { gatherFacts, type Meant, starts, withoutImage } from '../doctor/probes.ts'
import { refuseUnknownServices } from '../services.ts'

/** Time limit for Traefik to reach a replica once all services are healthy; Traefik usually needs two or three seconds. */
const entryWithinMs = 20_000
/** Time within which Prometheus has scraped every replica; until then, it also counts sockets that have just closed. */
const scrapedWithinMs = 10_000

interface Options extends Omit<UpOptions, 'timeoutSeconds' | 'only'> {
  without?: readonly string[]
  timeout: number
  preflight: boolean
}

export function register(program: Command): void {
  program
    .command('up')
    .description('start the lab, wait until all services are healthy, and print their URLs')
    .option('--k8s-sim', 'also start the scaler, which reads scaler/hpa.yaml')
    .option('--logging', 'also start Loki for the logs of Traefik and the replicas')
    .option('--tracing', 'also start Jaeger for traces of upgrades and messages')
    .option('--offline', 'do not build or pull images; see ./lab images')
    .option('--without <services...>', 'do not start these services, for example --without grafana')
    .option('--timeout <seconds>', 'time limit for all services to become healthy', wholeNumber(5, 3600), 180)
    .option('--no-preflight', 'skip the checks before the start, namely whether the lab can run and whether open sockets would be closed')
    .addHelpText(
      'after',
      examples('./lab up', './lab up --k8s-sim', './lab up --logging --tracing', './lab up --offline --without grafana'),
    )
    .action(up)
}

async function up({ timeout, preflight, without = [], ...options }: Options, typed: Command): Promise<void> {
  const profiles = upCommand({ ...options, timeoutSeconds: timeout }, profilesOn()).env?.COMPOSE_PROFILES ?? profilesOn()
  const meant = { profiles, without, overlay: options.k8sSim === true }
  if (preflight) await refuseIfBlocked(meant)
  const lab = await model()
  refuseUnknownServices(without, Object.keys(lab.services), typed)
  const wanted = Object.keys(lab.services).filter((service) => starts(lab, service, meant))
  refuseIfNeeded(lab, wanted, without)
  if (options.offline) await refuseIfNotHere(lab, wanted, options.k8sSim === true)
  const command = upCommand({ ...options, timeoutSeconds: timeout, ...(without.length > 0 && { only: wanted }) }, profilesOn())
  if (preflight) await refuseToCutOff({ ...options, timeoutSeconds: timeout }, profiles)
  if (!options.k8sSim && runningAmong(await labContainers()).has(services.scaler)) {
    say('The scaler is running. There will be three replicas until its next decision. To stop it: ./lab down. To restart it: --k8s-sim.')
  }
  const exitCode = await attached(command)
  const containers = await labContainers()
  if (exitCode !== 0) {
    const unwell = containers.filter(({ state, health }) => state !== 'running' || (health !== '' && health !== 'healthy'))
    for (const { service, name, status } of unwell) {
      say(`${name}: ${status || 'not started'}: ${await lastLine(name)}; more: ./lab logs ${service}`)
    }
    throw new LabError(`docker compose exited with ${exitCode}`)
  }
  const open = openPlaces(containers)
  const entry = open.find(({ word }) => word === 'page')?.url
  const instead = entry && (await waitForEntry(entry, entryWithinMs))
  if (instead) say(`${entry}: no replica answers yet (${instead}); see ./lab status`)
  process.stdout.write(`\n${columns(open.map(({ what, url }) => [what, url]))}`)
  say('\nNext: ./lab load 300, ./lab scale 5, ./lab status. To stop the lab: ./lab down.')
  if (profiles !== profilesOn()) say(`Add COMPOSE_PROFILES=${profiles} to .env, so that docker compose commands use the same profiles.`)
}

/** Returns the last line of a container's log, which usually explains why the container exited. */
async function lastLine(container: string): Promise<string> {
  const { stdout, stderr } = await tryDocker(['logs', '--tail', '5', container], { withinSeconds: 10 })
  return `${stdout}\n${stderr}`.trim().split('\n').at(-1)?.trim() || 'its log is empty'
}

/** Rejects a service in --without if another service depends on it, because Compose would start it anyway. */
function refuseIfNeeded(lab: Model, wanted: readonly string[], without: readonly string[]): void {
  for (const service of wanted) {
    const missing = Object.keys(lab.services[service]?.depends_on ?? {}).filter((needed) => without.includes(needed))
    if (missing.length > 0) throw new LabError(`--without ${missing.join(' ')}: ${service} depends on it; add ${service} to --without`)
  }
}

async function refuseIfNotHere(lab: Model, wanted: readonly string[], overlay: boolean): Promise<void> {
  const missing = await withoutImage(lab, wanted)
  if (missing.length === 0) return
  const [built, pulled] = [true, false].map((isBuilt) =>
    missing.filter((service) => (lab.services[service]?.build !== undefined) === isBuilt),
  )
  const files = overlay ? [...fileArgs(overlayFiles), ''].join(' ') : ''
  const commands = Object.entries({ build: built, pull: pulled })
    .filter(([, names]) => names?.length)
    .map(([what, names]) => `docker compose ${files}${what} ${names?.join(' ')}`)
  throw new LabError(
    `--offline: no image on this machine for ${missing.join(', ')}; load them (./lab images load FILE), or: ${commands.join(' && ')}`,
  )
}

/** Fails if `up` would recreate outdated replicas with open sockets, because Compose recreates all of them at once. */
async function refuseToCutOff(options: UpOptions, profiles: string): Promise<void> {
  if (!runningAmong(await labContainers()).has(services.ws)) return
  const files = options.k8sSim ? overlayFiles : []
  const lab = await composeLab()
  try {
    // The replica image is built first, so that the search for outdated replicas compares the running replicas with the new image.
    if (!options.offline) await attachedOrFail({ args: ['compose', ...fileArgs(files), 'build', services.ws] })
    const read = () => lab.rollouts.outdated({ files, env: { COMPOSE_PROFILES: profiles } })
    let outdated = await read()
    if (outdated.replicas.length === 0) return
    const rereadUntil = performance.now() + scrapedWithinMs
    while ((outdated.sockets ?? 0) > 0 && performance.now() < rereadUntil) {
      await sleep(1000)
      outdated = await read()
    }
    say(`warning: ${outdatedText(outdated)}`)
    if (outdated.sockets === 0) return
    throw new LabError(
      'not started; to replace the replicas one by one without lost sockets: ./lab rollout; all at once: ./lab up --no-preflight',
    )
  } finally {
    await lab.close()
  }
}

async function refuseIfBlocked(meant: Meant): Promise<void> {
  const blocked = findingsOf(await gatherFacts(meant)).filter(({ level }) => level === 'blocked')
  if (blocked.length === 0) return
  process.stderr.write(findingLines(blocked))
  throw new LabError('not started; --no-preflight skips these checks')
}
