/** The lab on Compose: what there is, what Prometheus and Alertmanager show, and what is done to it. */
import { hostPorts, paths, services } from '../contract/src/endpoints.ts'
import { docker } from '../prove/docker.ts'
import type { Labels, Look, Scene, Step } from './core/types.ts'
import { evaluateInContainer } from './debugger.ts'
import { askWithinMs, lookAtEntry, type Sight, type World } from './world.ts'

const stepWithinSeconds = 60

interface ComposeConfig {
  name: string
  services: Record<string, { ports?: { target: number; published: string }[] }>
}

/** Finds the lab as Compose would in this folder and environment. */
export async function findComposeLab(): Promise<World> {
  const config = JSON.parse(await docker(['compose', 'config', '--format', 'json'], stepWithinSeconds)) as ComposeConfig
  const project = config.name
  const base = (service: string, target: number, fallback: number) => {
    const port = config.services[service]?.ports?.find((one) => one.target === target)?.published ?? fallback
    return `http://127.0.0.1:${port}`
  }
  const entry = base(services.traefik, 8000, hostPorts.LAB_PORT)
  const prometheus = base(services.prometheus, 9090, hostPorts.PROMETHEUS_PORT)
  const alertmanager = base(services.alertmanager, 9093, hostPorts.ALERTMANAGER_PORT)

  return {
    entry: () => entry.replace(/^http/, 'ws'),
    scene: (replica, seconds) => sceneOf(project, replica, seconds),
    take,
    look: (look) => {
      switch (look.kind) {
        case 'query':
          return lookAtQuery(prometheus, look.promql)
        case 'alert':
          return lookAtAlert(alertmanager, look.labels, look.firing)
        case 'entry':
          return lookAtEntry(entry + paths.health)
        case 'prometheus':
          return lookAtReadiness(`${prometheus}/-/ready`, look.ready)
        case 'exited':
          return lookAtExit(look)
        default:
          throw new Error(`the lab on Compose has nothing to look at for ${look.kind}`)
      }
    },
  }
}

async function take(step: Step): Promise<void> {
  if (step.kind === 'docker') await docker(step.args, step.withinSeconds ?? stepWithinSeconds)
  else if (step.kind === 'evaluate') await evaluateInContainer(step.container, step.code)
  else throw new Error(`the lab on Compose takes no orders at ${step.path}`)
}

async function sceneOf(project: string, wanted: string | undefined, seconds: number): Promise<Scene> {
  const labels = [`project=${project}`, `service=${services.ws}`, 'oneoff=False'].flatMap((label) => [
    ...['--filter', `label=com.docker.compose.${label}`],
  ])
  const numbers = (await docker(['ps', ...labels, '--format', '{{.Label "com.docker.compose.container-number"}} {{.State}}']))
    .split('\n')
    .filter((line) => line.endsWith(' running'))
    .map((line) => Number.parseInt(line, 10))
    .sort((a, b) => a - b)
  const running = numbers.map((number) => `${services.ws}-${number}`)
  if (running.length === 0) throw new Error(`no replica of the project ${project} runs; start the lab: docker compose up -d --build --wait`)
  const replica = wanted ?? running.at(-1) ?? ''
  if (!running.includes(replica)) throw new Error(`--replica ${replica}: allowed are those that run: ${running.join(', ')}`)
  const format = `{{(index .NetworkSettings.Networks "${project}_lab").IPAddress}}`
  const address = (await docker(['inspect', '--format', format, `${project}-${replica}`])).trim()
  return { ground: 'compose', project, replica, address, replicas: running.length, memoryMiB: 0, startedAtSeconds: 0, seconds }
}

async function ask<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(askWithinMs) })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${(await response.text()).slice(0, 200)}`)
  return (await response.json()) as T
}

async function lookAtQuery(prometheus: string, promql: string): Promise<Sight> {
  const { data } = await ask<{ data: { result: { metric: Labels; value: [number, string] }[] } }>(
    `${prometheus}/api/v1/query?query=${encodeURIComponent(promql)}`,
  )
  const [first] = data.result
  return { held: first !== undefined, seen: first === undefined ? `nothing fits ${promql}` : `${first.value[1]} for ${promql}` }
}

async function lookAtAlert(alertmanager: string, labels: Labels, firing: boolean): Promise<Sight> {
  const active = await ask<{ labels: Labels }[]>(`${alertmanager}/api/v2/alerts?active=true&silenced=false&inhibited=false`)
  const found = active.filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value))
  const names = [...new Set(active.map((one) => one.labels.alertname))].sort().join(', ')
  return { held: found.length > 0 === firing, seen: `Alertmanager shows ${names || 'none'}` }
}

async function lookAtReadiness(url: string, ready: boolean): Promise<Sight> {
  const answered = await fetch(url, { signal: AbortSignal.timeout(askWithinMs) }).then(
    ({ ok, status }) => ({ ok, seen: `status ${status}` }),
    (error: unknown) => ({ ok: false, seen: String(error) }),
  )
  return { held: answered.ok === ready, seen: answered.seen }
}

async function lookAtExit({ container, code }: Extract<Look, { kind: 'exited' }>): Promise<Sight> {
  const said = (await docker(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', container])).trim()
  return { held: said === `exited ${code}`, seen: said }
}
