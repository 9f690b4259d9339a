/**
 * Exports the resource usage of all containers of the lab under the names that cAdvisor uses. The values come from Docker's statistics,
 * which the server reads through the socket proxy when Prometheus asks for them.
 */
import {
  type ContainerMetricKey,
  composeServiceLabel,
  containerMetrics,
  type ReadingResult,
  readingResults,
} from '@lab/contract/container-metrics.ts'
import type { MetricSpec } from '@lab/contract/metrics.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { type Listed, listRunning } from '@lab/scaler/adapters/docker.ts'
import { type ContainerStats, readStats } from '@lab/scaler/adapters/docker-stats.ts'
import { Counter, Gauge, Registry } from 'prom-client'

/** Maximum number of containers whose statistics Docker reads at the same time. */
const atOnce = 4
/** Maximum time for reading all containers, shorter than the scrape timeout in prometheus/prometheus.yml. Milliseconds. */
const withinMs = 10_000
/** A reading that is younger than this is reused, so that frequent requests do not put load on Docker. Milliseconds. */
const reuseMs = 5_000

export interface Options {
  /** Address of the Docker API, in the format of DOCKER_HOST. */
  host: string
  project: string
  /** Writes a line to the log. */
  say(line: string): void
  /** Returns the time in milliseconds. */
  nowMs(): number
}

/** The labels by which a container is identified in each of its series. */
export type ContainerLabels = Readonly<Record<'name' | 'image' | typeof composeServiceLabel | 'replica', string>>

/** Returns the labels of a container. The label `replica` is ws-3 for the third replica, and k6-run-1a2b for a container of `run`. Pure. */
export function labelsOf({ Names, Image, Labels }: Pick<Listed, 'Names' | 'Image' | 'Labels'>, project: string): ContainerLabels {
  const name = (Names[0] ?? '').replace(/^\//, '')
  const service = Labels['com.docker.compose.service'] ?? ''
  // Every container of `docker compose run` has the number 1.
  const isOneOff = Labels['com.docker.compose.oneoff'] === 'True'
  const replica = isOneOff ? name.replace(new RegExp(`^${project}[-_]`), '') : replicaName(Labels, service)
  return { name, image: Image, [composeServiceLabel]: service, replica }
}

/** Exports the resource usage of all running containers of a project. */
export class ContainerMetrics {
  readonly #registry = new Registry()
  readonly #exported: ReadonlyMap<ContainerMetricKey, Gauge | Counter>
  readonly #options: Options
  #current: { atMs: number; text: Promise<string> } | undefined
  #problem: string | null = null

  constructor(options: Options) {
    this.#options = options
    const create = ({ kind, name, help, labels }: MetricSpec) =>
      new (kind === 'counter' ? Counter : Gauge)({ name, help, labelNames: [...labels], registers: [this.#registry] })
    this.#exported = new Map((Object.keys(containerMetrics) as ContainerMetricKey[]).map((key) => [key, create(containerMetrics[key])]))
    for (const result of readingResults) this.#count(result, 0)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Returns the metrics. Never rejects: if Docker cannot be read, the metrics contain no container, and say so. */
  text(): Promise<string> {
    const nowMs = this.#options.nowMs()
    if (this.#current === undefined || nowMs - this.#current.atMs >= reuseMs) this.#current = { atMs: nowMs, text: this.#read() }
    return this.#current.text
  }

  async #read(): Promise<string> {
    const { host, project } = this.#options
    const stop = AbortSignal.timeout(withinMs)
    const problems: string[] = []
    const failed = (what: string) => (error: unknown) => {
      this.#count('failed')
      problems.push(`${what}: ${(error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ')}`)
    }
    const found: [ContainerLabels, ContainerStats][] = []
    const left = (await listRunning(host, project, stop).catch(failed('the list of containers'))) ?? []
    if (problems.length === 0) this.#count('read')
    const readNext = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const labels = labelsOf(next, project)
        const stats = await readStats(host, next.Id, stop).catch(failed(labels.name))
        if (stats) found.push([labels, stats])
        if (stats === null) this.#options.say(`${labels.name} ended while its statistics were read`)
        if (stats !== undefined) this.#count(stats === null ? 'gone' : 'read')
      }
    }
    await Promise.all(Array.from({ length: atOnce }, readNext))
    this.#report(problems)
    this.#export(found, problems.length > 0)
    return this.#registry.metrics()
  }

  /** Writes one line when Docker's statistics become unreadable, for another reason than before, and one when they are readable again. */
  #report(problems: readonly string[]): void {
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
    const problem = problems[0] === undefined ? null : `the statistics of containers cannot be read: ${problems[0]}${more}`
    if (problem !== this.#problem) this.#options.say(problem ?? 'the statistics of containers can be read again')
    this.#problem = problem
  }

  #export(found: readonly (readonly [ContainerLabels, ContainerStats])[], hasFailed: boolean): void {
    for (const [key, metric] of this.#exported) if (key !== 'readings') metric.reset()
    // After a reset, a counter's increment is its value.
    const set = (key: ContainerMetricKey, labels: Readonly<Record<string, string>>, value: number) =>
      this.#exported.get(key)?.inc(labels, value)
    set('scrapeError', {}, hasFailed ? 1 : 0)
    for (const [labels, stats] of found) {
      set('cpuUsage', labels, stats.cpuNanoseconds / 1e9)
      set('cpuThrottled', labels, stats.throttledNanoseconds / 1e9)
      set('memoryWorkingSet', labels, stats.workingSetBytes)
      set('memoryLimit', labels, stats.memoryLimitBytes)
      set('diskRead', labels, stats.diskReadBytes)
      set('diskWritten', labels, stats.diskWrittenBytes)
      set('lastSeen', labels, stats.timeSeconds)
      for (const [name, { receivedBytes, sentBytes }] of Object.entries(stats.networks)) {
        set('networkReceived', { ...labels, interface: name }, receivedBytes)
        set('networkTransmitted', { ...labels, interface: name }, sentBytes)
      }
    }
  }

  #count(result: ReadingResult, by = 1): void {
    this.#exported.get('readings')?.inc({ result }, by)
  }
}
