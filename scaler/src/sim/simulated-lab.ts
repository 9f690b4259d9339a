/**
 * A simulated lab for the autoscaler. Replicas take time to start and to drain, sockets do not move, and metrics are delayed. The
 * simulation is deterministic: it depends only on its settings and seed.
 */
import { services } from '@lab/contract/endpoints.ts'
import { createRandom, type Random } from '@lab/contract/random.ts'
import type { HorizontalPodAutoscaler, MetricSpec, Observation, Pod, ResourceSample } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'

export interface SimulatedLabSettings {
  readonly seed: number
  readonly initialReplicas: number
  /** Returns the number of clients that have a socket at the given time. Existing sockets stay on their replica. */
  readonly clientsAt: (timeSeconds: number) => number
  readonly startDelaySeconds: number
  readonly drainSeconds: number
  readonly scrapeIntervalSeconds: number
  /** Time from a scrape until its sample can be read. */
  readonly scrapeLagSeconds: number
  /** Whether all metrics are unreadable at a given time. */
  readonly metricsAwayAt?: (timeSeconds: number) => boolean
}

const cpuRequestMilli = 500
const cpuIdleMilli = 20
const cpuPerSocketMilli = 3
const cpuStartingMilli = 450
const cpuNoiseMilli = 10
const sampleWindowSeconds = 30

interface Scrape {
  readonly timeSeconds: number
  readonly sockets: number
  readonly cpuMilli: number
}

interface SimulatedReplica {
  readonly number: number
  readonly bornAtSeconds: number
  drainingSinceSeconds: number | null
  sockets: number
  /**
   * The replica's latest scrapes, oldest first. Because of the metric delay, the oldest of these scrapes may be the only one that can be
   * read yet.
   */
  scrapes: Scrape[]
}

export interface SimulatedLabCounts {
  readonly clients: number
  readonly sockets: number
  readonly ready: number
  readonly starting: number
  readonly draining: number
}

/**
 * The simulation advances by one second with each call of tick(). The autoscaler reads the lab's state with observe() and scales the lab
 * with scaleTo().
 */
export class SimulatedLab {
  readonly #settings: SimulatedLabSettings
  readonly #random: Random
  #timeSeconds = 0
  #specReplicas: number
  #replicas: SimulatedReplica[] = []

  constructor(settings: SimulatedLabSettings) {
    this.#settings = settings
    this.#random = createRandom(settings.seed, 0)
    this.#specReplicas = settings.initialReplicas
    // The simulation's initial replicas are an hour old.
    for (let number = 1; number <= settings.initialReplicas; number += 1)
      this.#replicas.push(simulatedReplica({ number, bornAtSeconds: -3600 }))
    // The simulation starts before time 0, so that the first samples exist at time 0.
    this.#timeSeconds = -(settings.scrapeIntervalSeconds + settings.scrapeLagSeconds)
    while (this.#timeSeconds < 0) this.tick()
  }

  /** Advances the simulation by one second. */
  tick(): void {
    this.#timeSeconds += 1
    const { drainSeconds } = this.#settings
    for (const replica of this.#replicas) {
      if (replica.drainingSinceSeconds === null) continue
      const left = replica.drainingSinceSeconds + drainSeconds - this.#timeSeconds
      // Sockets close at an even rate during the drain, so that their clients do not all reconnect at once.
      replica.sockets -= Math.ceil(replica.sockets / Math.max(left + 1, 1))
    }
    this.#replicas = this.#replicas.filter(
      ({ drainingSinceSeconds }) => drainingSinceSeconds === null || drainingSinceSeconds + drainSeconds > this.#timeSeconds,
    )
    this.#placeSockets()
    this.#scrape()
  }

  /** Adds replicas with the next numbers, or drains those with the highest numbers, as Compose does. */
  scaleTo(replicas: number): void {
    const running = this.#replicas.filter(({ drainingSinceSeconds }) => drainingSinceSeconds === null)
    for (const replica of running.slice(replicas)) replica.drainingSinceSeconds = this.#timeSeconds
    let number = Math.max(0, ...this.#replicas.map((replica) => replica.number))
    for (let missing = replicas - running.length; missing > 0; missing -= 1) {
      number += 1
      this.#replicas.push(simulatedReplica({ number, bornAtSeconds: this.#timeSeconds }))
    }
    this.#specReplicas = replicas
  }

  counts(): SimulatedLabCounts {
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

  #readyAt(replica: SimulatedReplica): number {
    return replica.bornAtSeconds + this.#settings.startDelaySeconds
  }

  #readyReplicas(): SimulatedReplica[] {
    return this.#replicas.filter((replica) => replica.drainingSinceSeconds === null && this.#readyAt(replica) <= this.#timeSeconds)
  }

  /** Opens new sockets on random ready replicas, or closes random sockets. Existing sockets do not move to other replicas. */
  #placeSockets(): void {
    const wanted = this.#settings.clientsAt(this.#timeSeconds)
    const ready = this.#readyReplicas()
    let open = this.#replicas.reduce((sum, { sockets }) => sum + sockets, 0)
    for (; open < wanted && ready.length > 0; open += 1) {
      const replica = ready[Math.floor(this.#random.between(0, ready.length))]
      if (replica) replica.sockets += 1
    }
    for (; open > wanted; open -= 1) {
      let leaving = Math.floor(this.#random.between(0, open))
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
      // As in Prometheus, replicas are scraped at different times.
      if ((this.#timeSeconds + replica.number * 4) % scrapeIntervalSeconds !== 0) continue
      const noise = Math.floor(this.#random.between(0, cpuNoiseMilli))
      const starting = this.#timeSeconds < this.#readyAt(replica)
      const cpuMilli = (starting ? cpuStartingMilli : cpuIdleMilli + cpuPerSocketMilli * replica.sockets) + noise
      replica.scrapes.push({ timeSeconds: this.#timeSeconds, sockets: replica.sockets, cpuMilli })
      replica.scrapes = replica.scrapes.slice(-1 - Math.ceil(scrapeLagSeconds / scrapeIntervalSeconds))
    }
  }

  #podOf(replica: SimulatedReplica, metrics: readonly MetricSpec[], away: boolean): Pod {
    const readyAt = this.#readyAt(replica)
    const isReady = readyAt <= this.#timeSeconds
    const newest = replica.scrapes.findLast(({ timeSeconds }) => timeSeconds + this.#settings.scrapeLagSeconds <= this.#timeSeconds)
    const visible = away ? undefined : newest
    return {
      name: `${services.ws}-${replica.number}`,
      phase: replica.bornAtSeconds === this.#timeSeconds ? 'Pending' : 'Running',
      deleting: replica.drainingSinceSeconds !== null,
      startTimeSeconds: replica.bornAtSeconds,
      ready: { status: isReady ? 'True' : 'False', sinceSeconds: isReady ? readyAt : replica.bornAtSeconds },
      containers: [{ name: services.ws, requestsMilli: { cpu: cpuRequestMilli } }],
      sample: visible ? sampleOf(visible) : null,
      valuesMilli: visible ? socketValues(visible, metrics) : {},
    }
  }
}

function simulatedReplica({ number, bornAtSeconds }: Pick<SimulatedReplica, 'number' | 'bornAtSeconds'>): SimulatedReplica {
  return { number, bornAtSeconds, drainingSinceSeconds: null, sockets: 0, scrapes: [] }
}

function sampleOf({ timeSeconds, cpuMilli }: Scrape): ResourceSample {
  return { timeSeconds, windowSeconds: sampleWindowSeconds, usageMilli: { [services.ws]: { cpu: cpuMilli } } }
}

/** Returns the number of sockets as the value of every Pods metric. */
function socketValues({ sockets }: Scrape, metrics: readonly MetricSpec[]): Record<string, number> {
  return Object.fromEntries(metrics.filter(({ type }) => type === 'Pods').map((metric) => [seriesKey(metric), sockets * 1000]))
}
