/**
 * A small world for the autoscaler: replicas that take time to start and to drain, sockets that stay where they are,
 * and metrics that are a little old. Everything follows from the settings and the seed.
 */
import type { HorizontalPodAutoscaler, MetricSpec, Observation, Pod, ResourceSample } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'
import { seededRandom } from './random.ts'

export interface WorldSettings {
  readonly seed: number
  readonly initialReplicas: number
  /** How many clients want a socket at a moment. Those that already have one keep it where it is. */
  readonly clientsAt: (timeSeconds: number) => number
  readonly startDelaySeconds: number
  readonly drainSeconds: number
  readonly scrapeIntervalSeconds: number
  /** From the scrape to the moment the sample can be read. */
  readonly scrapeLagSeconds: number
  /** While this holds, no metric can be read. */
  readonly metricsAwayAt?: (timeSeconds: number) => boolean
}

const cpuRequestMilli = 500
const cpuIdleMilli = 20
const cpuPerSocketMilli = 3
const cpuStartingMilli = 450
const cpuNoiseMilli = 10
const sampleWindowSeconds = 30
const container = 'ws'

interface Scrape {
  readonly timeSeconds: number
  readonly sockets: number
  readonly cpuMilli: number
}

interface Replica {
  readonly number: number
  readonly bornAtSeconds: number
  drainingSinceSeconds: number | null
  sockets: number
  /** Oldest first; only as many as the lag can hide, and one. */
  scrapes: Scrape[]
}

export interface WorldCounts {
  readonly clients: number
  readonly sockets: number
  readonly ready: number
  readonly starting: number
  readonly draining: number
}

/** Advances second by second; the autoscaler looks at it through observe() and acts on it through scaleTo(). */
export class World {
  readonly #settings: WorldSettings
  readonly #random: () => number
  #timeSeconds = 0
  #specReplicas: number
  #replicas: Replica[] = []

  constructor(settings: WorldSettings) {
    this.#settings = settings
    this.#random = seededRandom(settings.seed)
    this.#specReplicas = settings.initialReplicas
    // The first replicas have been running for long.
    for (let number = 1; number <= settings.initialReplicas; number += 1) this.#replicas.push(newReplica(number, -3600))
    // Nobody looks at a world without a past: the first samples must be there.
    this.#timeSeconds = -(settings.scrapeIntervalSeconds + settings.scrapeLagSeconds)
    while (this.#timeSeconds < 0) this.tick()
  }

  /** One second passes. */
  tick(): void {
    this.#timeSeconds += 1
    const { drainSeconds } = this.#settings
    for (const replica of this.#replicas) {
      if (replica.drainingSinceSeconds === null) continue
      const left = replica.drainingSinceSeconds + drainSeconds - this.#timeSeconds
      // Evenly over the drain, so that the others are not flooded.
      replica.sockets -= Math.ceil(replica.sockets / Math.max(left + 1, 1))
    }
    this.#replicas = this.#replicas.filter(
      ({ drainingSinceSeconds }) => drainingSinceSeconds === null || drainingSinceSeconds + drainSeconds > this.#timeSeconds,
    )
    this.#placeSockets()
    this.#scrape()
  }

  /** New replicas get the next numbers; the highest numbers leave first, as with Compose. */
  scaleTo(replicas: number): void {
    const running = this.#replicas.filter(({ drainingSinceSeconds }) => drainingSinceSeconds === null)
    for (const replica of running.slice(replicas)) replica.drainingSinceSeconds = this.#timeSeconds
    let number = Math.max(0, ...this.#replicas.map((replica) => replica.number))
    for (let missing = replicas - running.length; missing > 0; missing -= 1) {
      number += 1
      this.#replicas.push(newReplica(number, this.#timeSeconds))
    }
    this.#specReplicas = replicas
  }

  counts(): WorldCounts {
    const draining = this.#replicas.filter(({ drainingSinceSeconds }) => drainingSinceSeconds !== null).length
    const ready = this.#readyReplicas().length
    return {
      clients: this.#settings.clientsAt(this.#timeSeconds),
      sockets: this.#replicas.reduce((sum, { sockets }) => sum + sockets, 0),
      ready,
      starting: this.#replicas.length - draining - ready,
      draining,
    }
  }

  observe(hpa: HorizontalPodAutoscaler): Observation {
    const away = this.#settings.metricsAwayAt?.(this.#timeSeconds) ?? false
    const cause = 'connection refused'
    return {
      timeSeconds: this.#timeSeconds,
      scale: {
        specReplicas: this.#specReplicas,
        statusReplicas: this.#replicas.filter(({ drainingSinceSeconds }) => drainingSinceSeconds === null).length,
      },
      pods: this.#replicas.map((replica) => this.#podOf(replica, hpa.metrics, away)),
      objectValuesMilli: {},
      externalValuesMilli: {},
      ...(away && { failures: Object.fromEntries(hpa.metrics.map((metric) => [seriesKey(metric), cause])) }),
    }
  }

  #readyAt(replica: Replica): number {
    return replica.bornAtSeconds + this.#settings.startDelaySeconds
  }

  #readyReplicas(): Replica[] {
    return this.#replicas.filter((replica) => replica.drainingSinceSeconds === null && this.#readyAt(replica) <= this.#timeSeconds)
  }

  /** Newcomers go to a replica by chance; those who leave come from anywhere. Nobody else moves. */
  #placeSockets(): void {
    const wanted = this.#settings.clientsAt(this.#timeSeconds)
    const ready = this.#readyReplicas()
    let open = this.#replicas.reduce((sum, { sockets }) => sum + sockets, 0)
    for (; open < wanted && ready.length > 0; open += 1) {
      const replica = ready[Math.floor(this.#random() * ready.length)]
      if (replica) replica.sockets += 1
    }
    for (; open > wanted; open -= 1) {
      let leaving = Math.floor(this.#random() * open)
      const replica = this.#replicas.find(({ sockets }) => {
        leaving -= sockets
        return leaving < 0
      })
      if (replica) replica.sockets -= 1
    }
  }

  #scrape(): void {
    const { scrapeIntervalSeconds, scrapeLagSeconds } = this.#settings
    for (const replica of this.#replicas) {
      // Replicas are scraped at different moments, as by Prometheus.
      if ((this.#timeSeconds + replica.number * 4) % scrapeIntervalSeconds !== 0) continue
      const noise = Math.floor(this.#random() * cpuNoiseMilli)
      const starting = this.#timeSeconds < this.#readyAt(replica)
      const cpuMilli = (starting ? cpuStartingMilli : cpuIdleMilli + cpuPerSocketMilli * replica.sockets) + noise
      replica.scrapes.push({ timeSeconds: this.#timeSeconds, sockets: replica.sockets, cpuMilli })
      replica.scrapes = replica.scrapes.slice(-1 - Math.ceil(scrapeLagSeconds / scrapeIntervalSeconds))
    }
  }

  #podOf(replica: Replica, metrics: readonly MetricSpec[], away: boolean): Pod {
    const readyAt = this.#readyAt(replica)
    const isReady = readyAt <= this.#timeSeconds
    const newest = replica.scrapes.findLast(({ timeSeconds }) => timeSeconds + this.#settings.scrapeLagSeconds <= this.#timeSeconds)
    const visible = away ? undefined : newest
    return {
      name: `ws-${replica.number}`,
      phase: replica.bornAtSeconds === this.#timeSeconds ? 'Pending' : 'Running',
      deleting: replica.drainingSinceSeconds !== null,
      startTimeSeconds: replica.bornAtSeconds,
      ready: { status: isReady ? 'True' : 'False', sinceSeconds: isReady ? readyAt : replica.bornAtSeconds },
      containers: [{ name: container, requestsMilli: { cpu: cpuRequestMilli } }],
      sample: visible ? sampleOf(visible) : null,
      valuesMilli: visible ? socketValues(visible, metrics) : {},
    }
  }
}

function newReplica(number: number, bornAtSeconds: number): Replica {
  return { number, bornAtSeconds, drainingSinceSeconds: null, sockets: 0, scrapes: [] }
}

function sampleOf({ timeSeconds, cpuMilli }: Scrape): ResourceSample {
  return { timeSeconds, windowSeconds: sampleWindowSeconds, usageMilli: { [container]: { cpu: cpuMilli } } }
}

/** Every Pods metric of the specification is taken for the number of sockets. */
function socketValues({ sockets }: Scrape, metrics: readonly MetricSpec[]): Record<string, number> {
  return Object.fromEntries(metrics.filter(({ type }) => type === 'Pods').map((metric) => [seriesKey(metric), sockets * 1000]))
}
