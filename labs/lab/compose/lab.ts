/** The Compose lab, which is changed through Docker and Compose and observed through Docker, Prometheus and Alertmanager. */
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { hostPorts, rolloutKey, services } from '@lab/contract/endpoints.ts'
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import { docker, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { evaluateInContainer } from '@lab/host/inside/debugger.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import { byReplica, readReplicas } from '@lab/host/readings.ts'
import { type Container, containerSchema, replicaName, replicasAmong } from '@lab/host/replicas.ts'
import { root } from '@lab/host/root.ts'
import { finishScaling } from '@lab/host/scaling.ts'
import { until } from '@lab/host/until.ts'
import { z } from 'zod'
import { answerWithinMs, checkEntry, checkReplicas } from '../entry.ts'
import type { Checked, CheckOf, Facts, Labels, LocalLab, Replica, StepOf } from '../lab.ts'
import { Links } from '../links.ts'
import { resetConnections } from '../reset.ts'
import { parseReply } from '../valkey-reply.ts'
import { Deploys } from './deploy/deploy.ts'
import { refuseDeploy } from './deploy/state.ts'
import { watchEvents } from './events.ts'
import { faultFolder, recordFault } from './fault-record.ts'
import { listenQueue } from './listen-queue.ts'
import { composeLoad } from './load.ts'
import { type Environment, labContainers, model, runningAmong, scalerState, serviceContainers, startOf } from './project.ts'
import { sources } from './readings.ts'
import type { RolloutTarget } from './rollout/carry-out.ts'
import { Rollouts } from './rollout/rollout.ts'
import { leastWindowSeconds, readVersion } from './rollout/version-reading.ts'
import { composeScaler, mostReplicas, renewActuator } from './scaler.ts'

const { connectionsByReplica } = queries(allReplicas)

const stepWithinSeconds = 60
const scaleWithinSeconds = 120
/** How long Compose waits for healthy replicas; shorter than the time limit for scaling. */
const healthyWithinSeconds = 60
const replaceEveryMs = 500
/** Folder of Traefik's dynamic configuration, relative to the root of the checkout. */
const traefikFolder = 'traefik/dynamic'

export interface ComposeOptions {
  /** Additional environment variables, such as COMPOSE_PROJECT_NAME, COMPOSE_FILE and ports. */
  env?: Environment
  /** Seed for the random choices of the load generator's virtual users. */
  seed?: number
  /** Time scale at which the scaler runs until the lab object is closed. */
  timeScale?: number
  /** Address that clients use instead of the lab's own entry point. */
  entry?: string
}

/** The lab interface, extended with members that only the lab on Compose has. */
export interface ComposeLab extends LocalLab<'compose'> {
  readonly prometheus: Prometheus
  /** Address of Alertmanager. */
  readonly alertmanager: string
  /** Returns the name of a service's container. */
  container(service: string, number?: number): string
  /** Returns the `docker inspect` output for a container, given its name or ID. */
  inspect(container: string): Promise<Container>
  /** Returns the alerts that are firing and are neither silenced nor inhibited. */
  alerts(): Promise<Labels[]>
  /** Controls rolling updates of the replicas. */
  readonly rollouts: Rollouts
  /** Runs deploys, which switch the lab between two colours of replicas. */
  readonly deploys: Deploys
}

/**
 * Returns the Compose lab of this checkout and environment, whether or not it is running. Rejects with a one-line error if Docker does not
 * respond, or if the lab does not support an option.
 */
export async function composeLab({ env = {}, seed = 1, timeScale, entry: given }: ComposeOptions = {}): Promise<ComposeLab> {
  const [{ name: project, services: defined }, containers] = await Promise.all([model(env), labContainers(env)])
  const published = containers.filter(({ service }) => service === services.traefik).flatMap((one) => one.published)
  const at = (target: number, fallback: number) => {
    const running = published.find((one) => one.target === target)?.port
    const meant = defined[services.traefik]?.ports.find((one) => one.target === target)?.published
    return `http://127.0.0.1:${running ?? meant ?? fallback}`
  }
  const entry = (given ?? at(8000, hostPorts.LAB_PORT)).replace(/^ws/, 'http')
  const traefik = at(8080, hostPorts.TRAEFIK_DASHBOARD_PORT)
  const alertmanager = at(9093, hostPorts.ALERTMANAGER_PORT)
  const prometheus = prometheusAt(at(9090, hostPorts.PROMETHEUS_PORT))
  const running = runningAmong(containers)
  const lab = await startOf(containers, env)
  const started = { files: lab.files, env: { ...definedOnly(env), ...lab.env } }
  const scalerContainer = containers.find(({ service, state }) => service === services.scaler && state === 'running')?.name
  if (scalerContainer === undefined && timeScale !== undefined) throw new LabError('--time-scale: this lab runs without its scaler')
  const scaler =
    scalerContainer === undefined
      ? undefined
      : await composeScaler({ project, container: scalerContainer, lab: started, ...(timeScale !== undefined && { timeScale }) })
  const load = composeLoad(project, started, seed)
  const container = (service: string, number = 1) => `${project}-${service}-${number}`
  const containerOf = (replica: string) => `${project}-${replica}`
  const ofDocker = (args: readonly string[], withinSeconds = stepWithinSeconds) => docker(args, { withinSeconds, env })

  const inspect = async (name: string) => {
    const [found] = z.array(containerSchema).parse(JSON.parse(await ofDocker(['inspect', name], 30)))
    if (found === undefined) throw new LabError(`there is no container ${name}`)
    return found
  }
  const containersOf = (service: string) => serviceContainers(project, service, env)
  const replicas = async () => replicasAmong(await containersOf(services.ws)).map(replicaOf)
  const untilHealthy = (replica: string, withinSeconds: number) =>
    until(`${replica} is healthy`, async () => isHealthy(await inspect(containerOf(replica))), {
      withinMs: withinSeconds * 1000,
      everyMs: replaceEveryMs,
    })
  const alerts = async () => {
    const answer = await fetch(`${alertmanager}/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false`, {
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (!answer.ok) throw new Error(`Alertmanager at ${alertmanager}: HTTP ${answer.status}`)
    return ((await answer.json()) as { labels: Labels }[]).map(({ labels }) => labels)
  }

  const valkey = container(services.valkey)
  const scaleTo = async (count: number) => {
    // Scaling is refused while replicas of two colours exist, because Compose might remove replicas of the wrong colour.
    refuseDeploy(await rollouts.store.read())
    const ran = await tryDocker(scaleCommand({ replicas: count, ...started, project, waitSeconds: healthyWithinSeconds }), {
      withinSeconds: scaleWithinSeconds,
    })
    if (ran.exitCode === 0) return
    const why = `docker compose up: ${whyFailed(ran, scaleWithinSeconds)}`
    const frozen = await finishScaling({ wanted: count, why, list: () => containersOf(services.ws) })
    // If `docker compose up` fails, it does not wait for the replicas to become healthy.
    if (frozen === null) throw new LabError(why)
    const thawed = replicasAmong(await containersOf(services.ws)).filter(({ State }) => State.Status !== 'paused')
    await Promise.all(thawed.map(({ Config }) => untilHealthy(replicaName(Config.Labels), healthyWithinSeconds)))
  }

  const store = running.has(services.valkey)
    ? {
        ask: async (...command: string[]) => parseReply(await ofDocker(['exec', valkey, 'valkey-cli', '--json', ...command], 10)),
        set: async (up: boolean) => void (await ofDocker([up ? 'start' : 'stop', valkey])),
      }
    : undefined
  const target: RolloutTarget = {
    project,
    lab: started,
    entry,
    containers: () => containersOf(services.ws),
    scalerState: scaler?.stateFolder ?? scalerState({ ...env, COMPOSE_PROJECT_NAME: project }),
    mostReplicas: async () => (scalerContainer === undefined ? Number.POSITIVE_INFINITY : mostReplicas(project)),
    holdRebalancing: async (seconds) => {
      await (seconds === 0 ? store?.ask('DEL', rolloutKey) : store?.ask('SET', rolloutKey, '1', 'EX', String(seconds)))
    },
    reading: (replicas) => readVersion(prometheus, replicas, leastWindowSeconds),
    renewActuator: async () => {
      if (scalerContainer !== undefined) await renewActuator({ project, lab: started })
    },
    sockets: () => byReplica(prometheus, connectionsByReplica).catch(() => new Map()),
  }
  const rollouts = new Rollouts(target)
  const links = new Links(entry)
  const deploys = new Deploys({ ...target, traefik, prometheus, scaler }, rollouts)

  return {
    kind: 'compose',
    rollouts,
    deploys,
    name: project,
    entry,
    alertmanager,
    prometheus,
    scaler,
    store,
    readEverySeconds: 1,
    // At any moment, some of the load's sockets are closed, because k6 continuously replaces its virtual users.
    steadyShare: 0.93,
    sources,
    container,
    inspect,
    alerts,
    replicas,
    watchReplicas: (say) => watchEvents(project, say),
    readings: async () => ({
      atSeconds: Date.now() / 1000,
      loadWanted: load.wanted(),
      ...(await readReplicas(prometheus)),
      reconnects: null,
      moves: null,
      lost: null,
      ...((await scaler?.read()) ?? { scaler: null, decisions: [] }),
    }),
    scaleTo,
    act: async (action, replica) => {
      const commands = { kill: ['kill', '--signal', 'KILL'], terminate: ['kill', '--signal', 'TERM'], freeze: ['pause'], thaw: ['unpause'] }
      await ofDocker([...commands[action], containerOf(replica)], 30)
    },
    rollOut: () => rollouts.restart(),
    deployFailing: () => deploys.fail(),
    setLoad: (sockets) => load.set(sockets),

    facts: async (wanted, seconds): Promise<Facts['compose']> => {
      const found = replicasAmong(await containersOf(services.ws)).filter(isHealthy)
      const names = found.map(({ Config }) => replicaName(Config.Labels))
      if (names.length === 0) throw new LabError(`no replica of the project ${project} is healthy; start the lab: ./lab up`)
      const chosen = wanted === undefined ? found.at(-1) : found[names.indexOf(wanted)]
      if (chosen === undefined) throw new LabError(`--replica ${wanted}: allowed are the healthy replicas: ${names.join(', ')}`)
      const replica = replicaName(chosen.Config.Labels)
      const address = chosen.NetworkSettings?.Networks[`${project}_lab`]?.IPAddress
      if (!address) throw new LabError(`${replica} has no address on the network ${project}_lab`)
      const [[store], [router]] = await Promise.all([containersOf(services.valkey), containersOf(services.traefik)])
      const startedAt = { valkeyStartedAt: store?.State.StartedAt, traefikStartedAt: router?.State.StartedAt }
      return { project, replica, address, replicas: names.length, seconds, ...startedAt, hasScaler: scaler !== undefined }
    },
    take: (step) => takeStep(step),
    recordFault: (event) => recordFault(resolve(root, faultFolder(project)), event),
    check: (check) => checkOnce(check),
    close: async () => {
      await links.close()
      await load.set(0)
      await scaler?.restore()
    },
  }

  async function checkOnce(check: CheckOf<'compose'>): Promise<Checked> {
    switch (check.kind) {
      case 'entry':
        return checkEntry(entry)
      case 'replicas':
        return checkReplicas(await replicas(), check.count)
      case 'no-entry': {
        const { holds, seen } = await checkEntry(entry)
        return { holds: !holds, seen }
      }
      case 'listen-queue':
        return checkListenQueue(check)
      case 'links':
        return links.check(check)
      case 'middleware':
        return checkMiddleware(check.name, check.present)
      case 'query':
        return checkQuery(check.promql)
      case 'alert':
        return checkAlert(check.labels, check.firing)
      case 'prometheus':
        return checkReady(check.ready)
      case 'rollout': {
        const { ended = 'unfinished' } = (await rollouts.store.read()).rollout ?? {}
        return { holds: ended === check.ended, seen: `the last rollout is ${ended}` }
      }
      case 'container':
        return checkContainer(check)
    }
  }

  async function checkQuery(promql: string): Promise<Checked> {
    const [first] = await prometheus.query(promql)
    return { holds: first !== undefined, seen: first === undefined ? `no series matches ${promql}` : `${first.value} for ${promql}` }
  }

  async function checkAlert(labels: Labels, firing: boolean): Promise<Checked> {
    const active = await alerts()
    const found = active.some((one) => Object.entries(labels).every(([name, value]) => one[name] === value))
    const names = [...new Set(active.map(({ alertname }) => alertname))].sort().join(', ')
    return { holds: found === firing, seen: `Alertmanager shows ${names || 'none'}` }
  }

  async function checkReady(ready: boolean): Promise<Checked> {
    const answered = await prometheus.isReady().then(
      (is) => ({ is, seen: is ? 'ready' : 'not ready' }),
      (error: unknown) => ({ is: false, seen: String(error) }),
    )
    return { holds: answered.is === ready, seen: answered.seen }
  }

  async function checkContainer(check: Extract<CheckOf<'compose'>, { kind: 'container' }>): Promise<Checked> {
    const { State } = await inspect(check.container)
    const hasCode = check.exitCode === undefined || State.ExitCode === check.exitCode
    const holds = State.Status === check.status && hasCode && State.StartedAt !== check.notStartedAt
    return { holds, seen: `${State.Status}, exit code ${State.ExitCode}, started at ${State.StartedAt}` }
  }

  async function checkListenQueue(check: Extract<CheckOf<'compose'>, { kind: 'listen-queue' }>): Promise<Checked> {
    const table = await ofDocker(['exec', check.container, 'cat', '/proc/net/tcp', '/proc/net/tcp6'])
    const waiting = listenQueue(table, check.port)
    return { holds: waiting >= check.atLeast, seen: `${waiting} connections wait in the listen queue of port ${check.port}` }
  }

  async function checkMiddleware(name: string, present: boolean): Promise<Checked> {
    const url = `${traefik}/api/http/middlewares/${name}@file`
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs) })
    await answer.body?.cancel()
    return { holds: answer.ok === present, seen: `Traefik answers ${answer.status} for ${name}` }
  }

  async function takeStep(step: StepOf<'compose'>): Promise<void> {
    switch (step.kind) {
      case 'docker':
        await ofDocker(step.args, step.withinSeconds)
        return
      case 'evaluate':
        return evaluateInContainer(step.container, step.code)
      case 'traefik': {
        const file = `${root}${traefikFolder}/${step.file}`
        return step.content === undefined ? rm(file, { force: true }) : writeFile(file, step.content)
      }
      case 'rollout':
        return rollouts[step.how]()
      case 'deploy':
        return step.how === 'finish' ? deploys.finish() : deploys.toOther()
      case 'scale':
        return scaleTo(step.replicas)
      case 'reset':
        return resetConnections(entry, step.at, step.times)
      case 'links':
        return links.take(step)
    }
  }
}

function replicaOf(container: Container): Replica {
  const startedAt = Date.parse(container.State.StartedAt) / 1000
  return { name: replicaName(container.Config.Labels), healthy: isHealthy(container), startedAtSeconds: Math.max(0, startedAt) }
}

function isHealthy({ State }: Container): boolean {
  return State.Status === 'running' && State.Health?.Status === 'healthy'
}

function definedOnly(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
