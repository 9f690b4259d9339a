/**
 * Sense, decide, act: one synchronisation at a time, and one action at a time. The loop owns no clock, no file and no
 * socket; it gets them as ports. What it does is written down, one record per synchronisation.
 */
import type { RescaleOutcome } from './core/decide.ts'
import { decide, recordRescale } from './core/decide.ts'
import type { Decision, Memory } from './core/decision.ts'
import { emptyMemory } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation, Pod } from './core/types.ts'
import { observationOf } from './observation.ts'
import type { Clock, MetricSource, Replica, ReplicaTarget } from './ports.ts'
import type { ActionRecord, ChangeByHand, TickRecord } from './record.ts'

export interface LoopSettings {
  /** As it is at the start; the port `specification` tells of changes. */
  readonly hpa: HorizontalPodAutoscaler
  readonly controller: ControllerOptions
  /** 1: real time. 10: everything that the specification and the controller time goes ten times as fast. */
  readonly timeScale: number
  /** Decide and write down, but never act. */
  readonly dryRun: boolean
}

/** The autoscaler's file as it holds now. */
export interface Specification {
  readonly hpa: HorizontalPodAutoscaler
  /** Why a newer file is not taken, in one line. */
  readonly refused?: string
}

export interface LoopPorts {
  readonly clock: Clock
  /** Read before each synchronisation: a change of the file counts from the next one on. Never rejects. */
  readonly specification: () => Promise<Specification>
  readonly metrics: MetricSource
  readonly target: ReplicaTarget
  /** A person has told the scaler to leave the replicas alone. */
  readonly isPaused: () => Promise<boolean>
  /** Keeps a record. */
  readonly write: (record: TickRecord) => Promise<void>
  /** Tells a person, in one line. */
  readonly say: (line: string) => void
}

/** What goes from one synchronisation to the next. */
export interface LoopState {
  readonly memory: Memory
  readonly pods: readonly Pod[]
  /** How many replicas the last synchronisation left behind; null: not known. */
  readonly replicas: number | null
  /** Synchronisations in a row in which Docker failed. */
  readonly failures: number
}

export const initialState: LoopState = { memory: emptyMemory, pods: [], replicas: null, failures: 0 }

/** When asked to stop in the middle of an action: how long it may still take, in seconds, before it is abandoned. */
export const finishWithinSeconds = 5
/** A failing Docker is asked less and less often, down to this many sync periods apart. */
export const maxBackoffPeriods = 8
/** A scaler that was away for longer does not know what it missed. In sync periods. */
const maxGapPeriods = 4

/**
 * Where a restarted scaler goes on: with everything it remembers. Was it away for longer than a few periods, it keeps what it
 * did but, like Kubernetes' controller after a restart, removes nothing for a whole window: the time between is not known.
 */
export function resumedState(record: TickRecord | undefined, settings: LoopSettings, nowSeconds: number): LoopState {
  const { hpa, timeScale, controller } = settings
  if (record === undefined || record.timeScale !== timeScale) return initialState
  if (record.hpa.name !== hpa.name || record.hpa.namespace !== hpa.namespace) return initialState
  const gapSeconds = nowSeconds * timeScale - record.observation.timeSeconds
  if (gapSeconds < 0) return initialState
  const { memory, observation } = record
  if (gapSeconds <= maxGapPeriods * controller.syncPeriodSeconds) {
    return { memory, pods: observation.pods, replicas: replicasAfter(record), failures: 0 }
  }
  return { ...initialState, memory: { ...memory, recommendations: null }, pods: observation.pods }
}

/** Runs until `stop` aborts. An action that is under way then may finish within finishWithinSeconds. */
export async function runLoop(settings: LoopSettings, ports: LoopPorts, start: LoopState, stop: AbortSignal): Promise<void> {
  const periodSeconds = settings.controller.syncPeriodSeconds / settings.timeScale
  let state = start
  while (!stop.aborted) {
    const startedAt = ports.clock.nowSeconds()
    state = await synchronise(settings, ports, state, stop)
    const periods = Math.min(2 ** Math.max(0, state.failures - 1), maxBackoffPeriods)
    if (periods > 1) ports.say(`Docker failed ${state.failures} times in a row: next try in ${Math.round(periods * periodSeconds)} s`)
    const elapsedSeconds = ports.clock.nowSeconds() - startedAt
    await ports.clock.sleep(Math.max(0, periods * periodSeconds - elapsedSeconds), stop)
  }
}

/** One synchronisation. Writes its record, unless it was stopped before anything was decided. */
export async function synchronise(settings: LoopSettings, ports: LoopPorts, state: LoopState, stop: AbortSignal): Promise<LoopState> {
  const { controller, timeScale } = settings
  const { clock, target } = ports
  const [paused, { hpa, refused }] = await Promise.all([ports.isPaused(), ports.specification()])
  const [replicas, readings] = await Promise.all([
    target.list(stop).catch((error: unknown): { error: string } => ({ error: textOf(error) })),
    ports.metrics.read(hpa.metrics, stop),
  ])
  if (stop.aborted) return state
  const nowSeconds = clock.nowSeconds()
  const observation = observationOf({ nowSeconds, replicas, readings }, state.pods, timeScale)

  const decidingAt = clock.nowSeconds()
  const step = decide(hpa, controller, observation, state.memory)
  const decideSeconds = clock.nowSeconds() - decidingAt
  const { action, conflict } = paused ? noAction : await act(settings, ports, step.decision, observation, stop)
  const done = action === null || action.result === 'DryRun' ? step : recordRescale(hpa, controller, step, outcomeOf(action))

  const changedByHand = conflict ?? changeByHand(state, observation)
  const record: TickRecord = {
    time: new Date(nowSeconds * 1000).toISOString(),
    hpa,
    options: controller,
    timeScale,
    paused,
    ...(changedByHand && { changedByHand }),
    ...(refused !== undefined && { refusedFiles: refused }),
    observation,
    decision: done.decision,
    memory: done.memory,
    action,
    decideSeconds,
  }
  await ports.write(record)
  sayWhatHappened(ports, record)
  const failed = 'error' in replicas || action?.result === 'Failed'
  return {
    memory: done.memory,
    pods: 'error' in replicas ? state.pods : observation.pods,
    replicas: replicasAfter(record),
    failures: failed ? state.failures + 1 : 0,
  }
}

interface Acted {
  /** null: there was nothing to do. */
  readonly action: ActionRecord | null
  /** Somebody else changed the count while we were deciding. */
  readonly conflict?: ChangeByHand
}
const noAction: Acted = { action: null }

async function act(
  settings: LoopSettings,
  { clock, target }: LoopPorts,
  { scaleTo, currentReplicas }: Decision,
  { pods }: Observation,
  stop: AbortSignal,
): Promise<Acted> {
  if (scaleTo === null || currentReplicas === null) return noAction
  const base = { from: currentReplicas, to: scaleTo, removed: [] }
  if (settings.dryRun) return { action: { ...base, result: 'DryRun', durationSeconds: 0 } }
  const startedAt = clock.nowSeconds()
  const draining = pods.filter(({ deleting }) => deleting).map(({ name }) => name)
  const bound = finishing(clock, stop)
  const seconds = () => clock.nowSeconds() - startedAt
  try {
    const count = remaining(await target.list(bound.signal), draining)
    if (count !== currentReplicas) {
      // As a conflict on writing in a cluster: who changed the count while we were deciding is not fought over it.
      const error = `the number of replicas was changed from ${currentReplicas} to ${count} meanwhile`
      return {
        action: { ...base, result: 'Failed', durationSeconds: seconds(), error },
        conflict: { from: currentReplicas, to: count },
      }
    }
    const { removed } = await target.scaleTo(scaleTo, draining, bound.signal)
    return { action: { ...base, result: 'Succeeded', durationSeconds: seconds(), removed } }
  } catch (error) {
    // Ctrl-C reaches Compose too, and ends it before we do.
    const result = stop.aborted ? 'Interrupted' : 'Failed'
    return { action: { ...base, result, durationSeconds: seconds(), error: textOf(error) } }
  } finally {
    bound.release()
  }
}

/** Aborts some time after `stop` does. */
function finishing(clock: Clock, stop: AbortSignal): { signal: AbortSignal; release: () => void } {
  const abandoned = new AbortController()
  const released = new AbortController()
  const onStop = () => {
    void clock.sleep(finishWithinSeconds, released.signal).then(() => abandoned.abort())
  }
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })
  const release = () => {
    stop.removeEventListener('abort', onStop)
    released.abort()
  }
  return { signal: abandoned.signal, release }
}

function remaining(replicas: readonly Replica[], draining: readonly string[]): number {
  return replicas.filter(({ name }) => !draining.includes(name)).length
}

function outcomeOf(action: ActionRecord): RescaleOutcome {
  return action.result === 'Succeeded' ? { ok: true } : { error: action.error ?? action.result }
}

/** What should be there now; null after something went wrong, for then anything may be. */
function replicasAfter({ action, decision }: TickRecord): number | null {
  if (action === null || action.result === 'DryRun') return decision.currentReplicas
  return action.result === 'Succeeded' ? action.to : null
}

function changeByHand({ replicas: before }: LoopState, { scale }: Observation): ChangeByHand | undefined {
  if ('error' in scale || before === null || before === scale.specReplicas) return undefined
  return { from: before, to: scale.specReplicas }
}

function sayWhatHappened({ say }: LoopPorts, { action, decision, paused, timeScale, changedByHand }: TickRecord): void {
  const time = timeScale === 1 ? '' : ` (time compressed ${timeScale}x)`
  if (changedByHand) {
    const { from, to } = changedByHand
    say(`somebody else changed the number of replicas from ${from} to ${to}; deciding from there`)
  }
  if (paused && decision.scaleTo !== null)
    say(`paused: leaving ${decision.currentReplicas} replicas, would have ${decision.scaleTo}${time}`)
  if (action) {
    const went = action.removed.length > 0 ? `, ${action.removed.join(', ')} gone` : ''
    const why = action.error === undefined ? `; reason: ${decision.rescaleReason}` : `: ${action.error}`
    say(`${action.from} → ${action.to} replicas${time}: ${action.result} after ${action.durationSeconds.toFixed(1)} s${went}${why}`)
  }
  for (const { type, reason, message } of decision.events) if (type === 'Warning') say(`${reason}: ${message}`)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
