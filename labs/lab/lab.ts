/**
 * Defines the common interface of all running labs. Each kind of lab implements this interface in its own folder: compose/, embedded/ or
 * kubernetes/.
 * Every call to a lab has a time limit. A call that fails rejects with a one-line message for the user.
 */

import type { EmbeddedOrder } from '@lab/contract/embedded-api.ts'
import type { FaultEvent } from '@lab/contract/rollouts.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import type { ReplicaReading } from '@lab/host/readings.ts'

/** The kinds of labs that run on this machine, with their own scaler and load generator. */
export const localKinds = ['compose', 'embedded'] as const
export type LocalKind = (typeof localKinds)[number]

/** The kinds of labs: Compose, embedded, and Kubernetes. */
export const labKinds = [...localKinds, 'kubernetes'] as const
export type LabKind = (typeof labKinds)[number]

export type Labels = Readonly<Record<string, string>>

/** A replica: a container, process or pod that is starting, serving, draining or hanging, but has not exited. */
export interface Replica {
  /** Name of the replica in metrics and messages, for example ws-2; in a cluster, the name of the pod. */
  readonly name: string
  /** Whether the replica is running, passes its health check and is not paused. */
  readonly healthy: boolean
  /**
   * Start time in Unix seconds; 0 while the replica is starting. The start time distinguishes a replica from later replicas with the same
   * name.
   */
  readonly startedAtSeconds: number
}

/** An event in the life of a replica: its start, a change of its readiness, or its exit. */
export interface ReplicaChange {
  /** Unix milliseconds. */
  readonly atMs: number
  /** As in ws-4. */
  readonly replica: string
  readonly what: 'started' | 'ready' | 'unready' | 'gone'
}

/** Records replica events until it is stopped. */
export interface ReplicaWatch {
  /** The recorded replica events, in chronological order. */
  readonly changes: readonly ReplicaChange[]
  stop(): Promise<void>
}

/**
 * An action on a single replica that every kind of lab supports. `kill` sends SIGKILL; `terminate` sends SIGTERM, which starts a drain;
 * `freeze` suspends the process, and `thaw` resumes it. In a cluster, `terminate` deletes the pod, and Kubernetes starts another one.
 */
export type ReplicaAction = 'kill' | 'terminate' | 'freeze' | 'thaw'

/** Points during and after a WebSocket handshake at which a test can reset a client's TCP connection. */
export const resetPoints = ['dialled', 'half-request', 'request', 'upgraded', 'mid-frame'] as const
export type ResetPoint = (typeof resetPoints)[number]

/**
 * A step that can be performed on a particular kind of lab: a docker command, code in a replica's process, a request to the embedded lab,
 * or a change in a cluster.
 */
export interface Steps {
  compose:
    | AnywhereStep
    | { readonly kind: 'docker'; readonly args: readonly string[]; readonly withinSeconds?: number }
    | { readonly kind: 'evaluate'; readonly container: string; readonly code: string }
    /**
     * `restart` starts a rollout that replaces the replicas one by one. `fail` rolls out a version that fails, which causes a rollback.
     * `finish` completes the unfinished rollout, if there is one.
     */
    | { readonly kind: 'rollout'; readonly how: 'restart' | 'fail' | 'finish' }
    /** `switch` starts a deploy that moves the traffic to the other colour. `finish` completes the unfinished deploy, if there is one. */
    | { readonly kind: 'deploy'; readonly how: 'switch' | 'finish' }
    /** Writes a file of Traefik's dynamic configuration, or removes the file if there is no content. */
    | { readonly kind: 'traefik'; readonly file: string; readonly content: string | undefined }
    | LinksStep
  embedded:
    | AnywhereStep
    | { readonly kind: 'order'; readonly order: EmbeddedOrder; readonly body: object }
    /** Starts replicas until the given number of them are starting or serving, including those that the scaler has already started. */
    | { readonly kind: 'at-least'; readonly replicas: number }
  kubernetes:
    | AnywhereStep
    | { readonly kind: 'act'; readonly action: ReplicaAction; readonly replica: string }
    /** Replaces every pod by a new one, one after the other, and waits until the old ones are gone. */
    | { readonly kind: 'restart-all' }
    /**
     * Waits until the lab is complete. A pod whose container keeps exiting is deleted, so that Kubernetes starts another one without a
     * delay.
     */
    | { readonly kind: 'settle' }
}
export type StepOf<K extends LabKind> = Steps[K]

/**
 * Changes the links over which some clients connect. `open` starts the clients and resolves when each of them has a session; `cut` makes
 * the links carry nothing; `restore` ends the cut connections, so that the clients reconnect; `close` ends the clients.
 */
export type LinksStep =
  | { readonly kind: 'links'; readonly how: 'open'; readonly clients: number; readonly delayMs: number }
  | { readonly kind: 'links'; readonly how: 'cut' | 'restore' | 'close' }

type AnywhereStep =
  /** Sets the number of replicas, and waits until new replicas are healthy and removed replicas have exited. */
  | { readonly kind: 'scale'; readonly replicas: number }
  /** Opens the given number of connections to the lab one after another, and resets each of them at the given point. */
  | { readonly kind: 'reset'; readonly at: ResetPoint; readonly times: number }

/** A condition that can be checked on a particular kind of lab. */
export interface Checks {
  compose:
    | AnywhereCheck
    | QueryCheck
    /** True if an alert with these labels is firing in Alertmanager; with `firing: false`, true if none is firing. */
    | { readonly kind: 'alert'; readonly labels: Labels; readonly firing: boolean }
    /** True if Prometheus is ready; with `ready: false`, true if Prometheus is not ready. */
    | { readonly kind: 'prometheus'; readonly ready: boolean }
    /** True if the container has this Docker state and, if specified, this exit code and a start time that differs from `notStartedAt`. */
    | {
        readonly kind: 'container'
        readonly container: string
        readonly status: string
        readonly exitCode?: number
        readonly notStartedAt?: string
      }
    /** True if the last rollout ended with this outcome. */
    | { readonly kind: 'rollout'; readonly ended: 'complete' | 'rolled-back' }
    /** True if Traefik's file provider has a middleware with this name; with `present: false`, true if it has none. */
    | { readonly kind: 'middleware'; readonly name: string; readonly present: boolean }
    /** True if none of three plain HTTP requests to the lab's entry point is answered by a replica. */
    | { readonly kind: 'no-entry' }
    /** True if at least this many connections wait in the listen queue of a port in the container. */
    | { readonly kind: 'listen-queue'; readonly container: string; readonly port: number; readonly atLeast: number }
    | LinksCheck
  embedded:
    | AnywhereCheck
    /** True if the live page shows this state for the replica. */
    | { readonly kind: 'state'; readonly id: string; readonly state: 'ready' | 'silent' }
    | LeftCheck
    /** True if one of a replica's figures is above `above` and below `below`; either bound may be omitted. */
    | { readonly kind: 'figure'; readonly id: string; readonly figure: EmbeddedFigure; readonly above?: number; readonly below?: number }
    /** True if the scaler had no metrics when it made its last decision; with `blind: false`, true if it had metrics. */
    | { readonly kind: 'scaler'; readonly blind: boolean }
    /**
     * True if the response time of a plain HTTP request through the router is above `above` and below `below`; either bound may be omitted.
     * Milliseconds.
     */
    | { readonly kind: 'answer'; readonly above?: number; readonly below?: number }
    /** True if at least the given number of replicas is ready. */
    | { readonly kind: 'ready'; readonly atLeast: number }
  kubernetes:
    | AnywhereCheck
    | QueryCheck
    | LeftCheck
    /** True if there are exactly as many pods as the Deployment should have, and all of them are Ready. */
    | { readonly kind: 'complete' }
    /** True if the replica's process has been suspended. */
    | { readonly kind: 'frozen'; readonly replica: string }
    /** True if the pod exists and is not Ready. */
    | { readonly kind: 'unready'; readonly replica: string }
    /** True if none of these replicas exists. */
    | { readonly kind: 'gone'; readonly replicas: readonly string[] }
}
export type CheckOf<K extends LabKind> = Checks[K]
export type EmbeddedFigure = 'eventLoopPercent' | 'memoryMiB'

/**
 * True if each client of the links has a session, and its first session took longer than `slowerThanMs`; with `connected: false`, true if
 * no client has a session.
 */
export type LinksCheck = { readonly kind: 'links'; readonly connected: boolean; readonly slowerThanMs?: number }

/** True if the PromQL query returns at least one series. */
export type QueryCheck = { readonly kind: 'query'; readonly promql: string }

/** True if the replica that was started at `startedAtSeconds` no longer exists; another replica may have its name. */
export type LeftCheck = { readonly kind: 'left'; readonly id: string; readonly startedAtSeconds: number }

type AnywhereCheck =
  /** True if the lab's entry point responds to at least one of three plain HTTP requests. */
  | { readonly kind: 'entry' }
  /** True if exactly the given number of replicas exists and all of them are healthy. */
  | { readonly kind: 'replicas'; readonly count: number }

/** The result of checking one condition. */
export interface Checked {
  readonly holds: boolean
  /** Description of the observed state, for use in reports. */
  readonly seen: string
}

/** Facts about a lab and one of its replicas, read before a fault begins. */
export interface Facts {
  compose: {
    /** Compose project. */
    readonly project: string
    /** Name of the replica, for example ws-2; its container is named `PROJECT-REPLICA`. */
    readonly replica: string
    /** IP address of the replica in the `lab` network. */
    readonly address: string
    /** Number of healthy replicas. */
    readonly replicas: number
    /** Duration of the injected fault. */
    readonly seconds: number
    /** Valkey's start time as reported by Docker; undefined if the lab has no Valkey. */
    readonly valkeyStartedAt: string | undefined
    /** Traefik's start time as reported by Docker; undefined if Traefik does not run. */
    readonly traefikStartedAt: string | undefined
    /** Whether the lab runs with its scaler. */
    readonly hasScaler: boolean
  }
  embedded: {
    readonly replica: string
    readonly replicas: number
    readonly seconds: number
    /** Memory used by the replica. MiB. */
    readonly memoryMiB: number
    /** Start time of the replica. Unix seconds. */
    readonly startedAtSeconds: number
  }
  kubernetes: {
    readonly replica: string
    readonly replicas: number
    readonly seconds: number
    /** Start time of the replica's container. Unix seconds. */
    readonly startedAtSeconds: number
    /** Names of all replicas. */
    readonly names: readonly string[]
  }
}
export type FactsOf<K extends LabKind> = Facts[K]

/** One of the scaler's scaling decisions. */
export interface DecisionReading {
  /** Time of the decision in ISO 8601, which also serves as the decision's ID. */
  readonly time: string
  readonly current: number | null
  readonly desired: number | null
  readonly reason: string
  readonly text: string
}

/** The state of the lab at one moment. Figures whose values are unknown are null. */
export interface Readings {
  /** Time at which the state of the lab was read. Unix seconds. */
  readonly atSeconds: number
  readonly replicas: readonly ReplicaReading[]
  /** The number of sockets that the load is configured to open. */
  readonly loadWanted: number
  /** Number of replies that the load generator's clients receive per second. */
  readonly answersPerSecond: number | null
  readonly p95Ms: number | null
  /** Counters since the lab started: reconnects, sessions resumed on another replica, and room messages known to be lost. */
  readonly reconnects: number | null
  readonly moves: number | null
  readonly lost: number | null
  readonly storeUp: boolean | null
  readonly scaler: {
    readonly desired: number | null
    readonly min: number
    readonly max: number
    /** The HPA's target for the average number of sockets per replica. */
    readonly target: number | null
    readonly paused: boolean
  } | null
  /** The scaler's most recent decisions, newest last. */
  readonly decisions: readonly DecisionReading[]
}

/** Names of the figures in a lab's readings. */
export const figureNames = [
  'replicas',
  'starting',
  'draining',
  'sockets',
  'fullest',
  'emptiest',
  'answers',
  'p95',
  'desired',
  'min',
  'max',
  'target',
] as const
export type FigureName = (typeof figureNames)[number]

/**
 * Scale-down rules that override those in the HPA file. Durations are given as in a HorizontalPodAutoscaler, that is, before time
 * compression.
 */
export interface ScaleDownRules {
  readonly windowSeconds: number
  /** Number of replicas that may be removed in one period of a scale-down policy. */
  readonly pods: number
  readonly periodSeconds: number
}

/** A scaler, or a cluster's HorizontalPodAutoscaler, as far as it can be paused. */
export interface Pausable {
  /** Whether the scaler is paused. */
  isPaused(): Promise<boolean>
  /** Pauses the scaler, which then still makes decisions but no longer acts on them. Resolves once the scaler is paused. */
  pause(): Promise<void>
  /** Resumes the scaler. Resolves once the scaler acts on its decisions again. */
  resume(): Promise<void>
}

/** The scaler of a lab that runs on this machine. */
export interface LabScaler extends Pausable {
  /** Factor by which the scaler's time is compressed. */
  readonly timeScale: number
  /** Folder that contains the decision log, for use with `@lab/scaler/decision-log.ts`. */
  readonly stateFolder: string
  /** Replaces the scaler's scale-down rules; null restores the original rules. Resolves once the scaler uses the new rules. */
  setScaleDown(rules: ScaleDownRules | null): Promise<void>
}

/** The store that all replicas share. */
export interface LabStore {
  /** Sends a command to Valkey and returns the reply as JSON values: arrays, strings, numbers or null. */
  ask(...command: readonly string[]): Promise<unknown>
  /** Stops the store, or restarts it with its data; undefined if the lab did not start the store. */
  readonly set?: (up: boolean) => Promise<void>
}

export interface Lab<K extends LabKind = LabKind> {
  readonly kind: K
  /** Name of the Compose project, address of the embedded lab's live page, or context and namespace in a cluster. */
  readonly name: string
  /** Address that clients connect to, for example http://127.0.0.1:8000. */
  readonly entry: string
  /** Client for the lab's Prometheus; undefined if the lab has no Prometheus. */
  readonly prometheus: Prometheus | undefined
  readonly scaler: Pausable | undefined
  readonly store: LabStore | undefined

  /** Returns the lab's replicas, sorted by number; in a cluster, sorted by age. */
  replicas(): Promise<Replica[]>
  /**
   * Sets the number of replicas. New replicas get the same configuration as the running lab. Resolves once all new replicas are healthy or
   * all removed replicas have exited.
   */
  scaleTo(replicas: number): Promise<void>
  /** Resolves once the signal has been sent to the replica. */
  act(action: ReplicaAction, replica: string): Promise<void>
  /**
   * Replaces the replicas one after another. The new replicas run the same version on a Compose lab, and a new version on an embedded lab.
   * Resolves once the rollout is complete; rejects if it fails.
   */
  rollOut(): Promise<void>

  /** Reads the facts about a replica before a fault begins; the last replica by default. */
  facts(replica: string | undefined, seconds: number): Promise<FactsOf<K>>
  take(step: StepOf<K>): Promise<void>
  /** Records that a fault has begun or was undone, for the dashboards; undefined if the lab has no dashboards that show it. */
  readonly recordFault?: (event: FaultEvent) => Promise<void>
  /** Checks a condition. Rejects if the check cannot be performed. */
  check(check: CheckOf<K>): Promise<Checked>
  /** Stops everything that was started through this object, such as the load or an embedded lab. */
  close(): Promise<void>
}

/** A lab that runs on this machine, with its own scaler and load generator, readings and deploys. */
export interface LocalLab<K extends LocalKind = LocalKind> extends Lab<K> {
  readonly scaler: LabScaler | undefined
  /** Interval at which new readings become available. Seconds. */
  readonly readEverySeconds: number
  /** Fraction of the load's sockets that are open at any time; less than 1 with k6, which continuously replaces its virtual users. */
  readonly steadyShare: number
  /** The source of each figure in the readings. */
  readonly sources: Readonly<Record<FigureName, string>>

  /**
   * Starts recording when replicas start, become ready and exit.
   * @param say called with a one-line message if event recording fails
   */
  watchReplicas(say: (line: string) => void): ReplicaWatch
  /** Reads the current state of the lab. */
  readings(): Promise<Readings>
  /**
   * Starts a deploy of the other colour with a version that fails. Resolves when the lab has removed the failing version's replicas;
   * rejects if the deploy does not fail.
   */
  deployFailing(): Promise<void>
  /** Sets the number of sockets that the load should open. Resolves once the load generator has been given the new number of sockets. */
  setLoad(sockets: number): Promise<void>
}

/** A lab of any kind; the `kind` field distinguishes them. */
export type AnyLab = { [K in LabKind]: Lab<K> }[LabKind]
/** A lab of either kind that runs on this machine; the `kind` field distinguishes them. */
export type AnyLocalLab = { [K in LocalKind]: LocalLab<K> }[LocalKind]
