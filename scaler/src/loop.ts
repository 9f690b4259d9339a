/**
 * The scaler's control loop: it observes the replicas and their metrics, makes a decision, and carries it out. Syncs and actions never run
 * concurrently. The loop accesses the clock, metrics, replicas and files through ports, so the loop itself performs no I/O. Each sync
 * writes one record.
 */
import type { Result } from '@lab/contract/result.ts'
import { failure, success } from '@lab/contract/result.ts'
import { decideWith } from './ambiguous.ts'
import type { RescaleOutcome } from './core/decide.ts'
import { recordRescale } from './core/decide.ts'
import type { Decision, Memory } from './core/decision.ts'
import { emptyMemory, memoryAfterRestart } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation, Pod } from './core/types.ts'
import { observationOf } from './observation.ts'
import type { Clock, ListedReplica, MetricSource, ReplicaTarget, RolloutPort } from './ports.ts'
import type { ActionRecord, ChangeByHand, TickRecord } from './record.ts'
import type { RolloutScale } from './rollout-file.ts'

export interface LoopSettings {
  /** The autoscaler's spec when the loop starts; the `specification` port returns newer versions. */
  readonly hpa: HorizontalPodAutoscaler
  readonly controller: ControllerOptions
  /** Time compression factor: with 10, every period and window takes a tenth of its normal time; 1 is real time. */
  readonly timeScale: number
  /** If true, the loop makes decisions and writes records, but never changes the number of replicas. */
  readonly dryRun: boolean
}

/** The autoscaler spec that is currently in use. */
export interface Specification {
  readonly hpa: HorizontalPodAutoscaler
  /** One-line reason why a newer version of the HPA file or the mapping file was refused. */
  readonly refused?: string
  /** All autoscalers of the same scale target, as NAMESPACE/NAME; absent or empty if this one is the only one. */
  readonly sharing?: readonly string[]
  /** The autoscaler that decides on the same readings, and never acts. */
  readonly shadow?: HorizontalPodAutoscaler
}

export interface LoopPorts {
  readonly clock: Clock
  /** Rereads the HPA file before each sync, so that changes to the file take effect with the next sync. Never rejects. */
  readonly specification: () => Promise<Specification>
  readonly metrics: MetricSource
  readonly target: ReplicaTarget
  /** Whether the operator has paused the scaler. A paused scaler makes decisions but does not act on them. */
  readonly isPaused: () => Promise<boolean>
  /** Reads and writes the number of replicas that a rollout uses; absent if rollouts are not possible. */
  readonly rollout?: RolloutPort
  /** Stores an action's intent before the action begins; undefined deletes the stored intent. Absent if intents are not stored. */
  readonly intend?: (record: TickRecord | undefined) => Promise<void>
  /** Stores a record. @param replicas the replicas as listed for this sync; empty if they could not be read */
  readonly write: (record: TickRecord, replicas: readonly ListedReplica[]) => Promise<void>
  /** Prints one line for the operator. */
  readonly say: (line: string) => void
}

/** The state that is carried over from one sync to the next. */
export interface LoopState {
  readonly memory: Memory
  readonly pods: readonly Pod[]
  /** The number of replicas at the end of the previous sync; null if that number is unknown. */
  readonly replicas: number | null
  /** Number of consecutive syncs in which calls to Docker failed. */
  readonly failures: number
  /** The change that a killed scaler began; the first sync completes it. */
  readonly unfinished?: ChangeByHand
  /** The memory of the shadow; absent if there is none. */
  readonly shadow?: Memory
}

export const initialState: LoopState = { memory: emptyMemory, pods: [], replicas: null, failures: 0 }

/** Number of seconds that a running action may continue after the stop signal before it is aborted. */
export const finishWithinSeconds = 5
/** Maximum exponential backoff while calls to Docker fail, in sync periods. */
export const maxBackoffPeriods = 8
/** Longest gap, in sync periods, after which a restarted scaler still uses the remembered recommendations. */
const maxGapPeriods = 4

/**
 * Restores the state of a restarted scaler from its last record. After a gap of more than maxGapPeriods, recommendations and scale changes
 * are dropped, as after a restart of Kubernetes' HPA controller. A scaler without remembered recommendations removes no replica for a whole
 * stabilization window. Returns the initial state if there is no record, or if the record belongs to a different autoscaler, uses a
 * different time scale, or is dated in the future.
 */
export function resumedState(record: TickRecord | undefined, settings: LoopSettings, nowSeconds: number): LoopState {
  const { hpa, timeScale, controller } = settings
  if (record === undefined || record.timeScale !== timeScale) return initialState
  if (record.hpa.name !== hpa.name || record.hpa.namespace !== hpa.namespace) return initialState
  const gapSeconds = nowSeconds * timeScale - record.observation.timeSeconds
  if (gapSeconds < 0) return initialState
  const { memory, observation } = record
  if (gapSeconds <= maxGapPeriods * controller.syncPeriodSeconds) {
    const shadow = record.shadow && { shadow: record.shadow.memory }
    return { memory, pods: observation.pods, replicas: replicasAfter(record), failures: 0, ...shadow }
  }
  return { ...initialState, memory: memoryAfterRestart(memory), pods: observation.pods }
}

/** Error message of an action whose scaler was killed. */
export const killedDuringAction = 'the scaler was killed during the action'

/**
 * Returns the state of a scaler that continues after another one was killed during an action. The change counts for the policies, because
 * part of it has probably been carried out.
 */
export function stateAfterKill(intent: TickRecord, settings: LoopSettings, nowSeconds: number): LoopState {
  const state = resumedState(intent, settings, nowSeconds)
  if (state === initialState || intent.action === null) return state
  return { ...state, unfinished: { from: intent.action.from, to: intent.action.to } }
}

/** Runs the control loop until the `stop` signal is aborted. An action that is running at that moment has finishWithinSeconds to finish. */
export async function runLoop(settings: LoopSettings, ports: LoopPorts, start: LoopState, stop: AbortSignal): Promise<void> {
  const periodSeconds = settings.controller.syncPeriodSeconds / settings.timeScale
  let state = start
  while (!stop.aborted) {
    const startedAt = ports.clock.nowSeconds()
    state = await synchronise(settings, ports, state, stop)
    const periods = Math.min(2 ** Math.max(0, state.failures - 1), maxBackoffPeriods)
    if (periods > 1)
      ports.say(
        `the replicas could not be read or changed ${state.failures} times in a row: next try in ${Math.round(periods * periodSeconds)} s`,
      )
    const elapsedSeconds = ports.clock.nowSeconds() - startedAt
    await ports.clock.sleep(Math.max(0, periods * periodSeconds - elapsedSeconds), stop)
  }
}

/** Runs one sync and writes its record, unless the `stop` signal is aborted before the decision. */
export async function synchronise(settings: LoopSettings, ports: LoopPorts, state: LoopState, stop: AbortSignal): Promise<LoopState> {
  const { controller, timeScale } = settings
  const { clock, target } = ports
  if (state.unfinished !== undefined && !settings.dryRun) await complete(state.unfinished, state.pods, ports, stop)
  const [paused, { hpa, refused, sharing = [], shadow }, rollout] = await Promise.all([
    ports.isPaused(),
    ports.specification(),
    ports.rollout?.read(),
  ])
  const [replicas, readings] = await Promise.all([
    listReplicas(target, stop),
    ports.metrics.read([...hpa.metrics, ...(shadow?.metrics ?? [])], stop),
  ])
  const lost = target.lost?.() ?? 0
  if (stop.aborted) return state
  const nowSeconds = clock.nowSeconds()
  const wanted = rollout?.replicas
  const observation = observationOf({ nowSeconds, replicas, readings, ...(wanted !== undefined && { wanted }) }, state.pods, timeScale)

  const decidingAt = clock.nowSeconds()
  const step = decideWith(hpa, controller, observation, state.memory, sharing)
  const decideSeconds = clock.nowSeconds() - decidingAt
  const shadowStep = shadow && decideWith(shadow, controller, observation, state.shadow ?? emptyMemory, [])
  const common = {
    time: new Date(nowSeconds * 1000).toISOString(),
    hpa,
    options: controller,
    timeScale,
    paused,
    ...(rollout && { rollout: { from: rollout.from, to: rollout.to } }),
    ...(refused !== undefined && { refusedFiles: refused }),
    ...(sharing.length > 0 && { sharing }),
    ...(shadow && shadowStep && { shadow: { hpa: shadow, ...shadowStep } }),
    observation,
    decideSeconds,
  }
  const intend = async () => {
    const { scaleTo, currentReplicas } = step.decision
    if (ports.intend === undefined || scaleTo === null || currentReplicas === null) return
    const charged = recordRescale(hpa, controller, step, { ok: true })
    const action: ActionRecord = {
      from: currentReplicas,
      to: scaleTo,
      result: 'Interrupted',
      durationSeconds: 0,
      removed: [],
      error: killedDuringAction,
    }
    await withoutFailing(ports, () => ports.intend?.({ ...common, decision: charged.decision, memory: charged.memory, action }))
  }
  const { action, conflict } = paused
    ? noAction
    : await act({ dryRun: settings.dryRun, decision: step.decision, pods: observation.pods, rollout, intend }, ports, stop)
  const done = action === null || action.result === 'DryRun' ? step : recordRescale(hpa, controller, step, outcomeOf(action))

  const changedByHand = conflict ?? changeByHand(state, observation, lost)
  const record: TickRecord = {
    ...common,
    ...(changedByHand && { changedByHand }),
    decision: done.decision,
    memory: done.memory,
    action,
  }
  await ports.write(record, replicas.ok ? replicas.value : [])
  if (action !== null && action.result !== 'DryRun') await withoutFailing(ports, () => ports.intend?.(undefined))
  sayWhatHappened(ports, record)
  const failed = !replicas.ok || action?.result === 'Failed'
  return {
    memory: done.memory,
    pods: replicas.ok ? observation.pods : state.pods,
    replicas: replicasAfter(record),
    failures: failed ? state.failures + 1 : 0,
    ...(shadowStep && { shadow: shadowStep.memory }),
  }
}

/** Stores or removes an intent. A full disk must not prevent the scaler from scaling. */
async function withoutFailing({ say }: LoopPorts, act: () => Promise<void> | undefined): Promise<void> {
  try {
    await act()
  } catch (error) {
    say(`cannot store the intent: ${textOf(error)}`)
  }
}

/**
 * Completes the change that a killed scaler began, unless another client has set a number of replicas outside this change in the meantime.
 * Prints the result. If the change fails, the following decisions start from the number of replicas that exists.
 */
async function complete({ from, to }: ChangeByHand, pods: readonly Pod[], ports: LoopPorts, stop: AbortSignal): Promise<void> {
  const draining = pods.filter(({ deleting }) => deleting).map(({ name }) => name)
  const what = `the change from ${from} to ${to} replicas, during which the scaler was killed`
  try {
    if (await ports.isPaused()) return ports.say(`does not complete ${what}: paused`)
    const count = countWithout(draining, await ports.target.list(stop))
    if (count < Math.min(from, to) || count > Math.max(from, to)) return ports.say(`does not complete ${what}: there are ${count} replicas`)
    const changed = count === to ? null : await scaleUnlessChanged({ from: count, to }, pods, ports, stop)
    const isDone = changed === null || 'removed' in changed
    ports.say(isDone ? `completed ${what}; it counts for the policies` : `does not complete ${what}: there are ${changed.count} replicas`)
  } catch (error) {
    ports.say(`cannot complete ${what}: ${textOf(error)}`)
  }
}

/** Returns the replicas, or the error that occurred while reading them. */
async function listReplicas(target: ReplicaTarget, signal: AbortSignal): Promise<Result<readonly ListedReplica[]>> {
  try {
    return success(await target.list(signal))
  } catch (error) {
    return failure(textOf(error))
  }
}

interface ActionOutcome {
  /** The scaling action that was taken; null if there was none. */
  readonly action: ActionRecord | null
  /** The change that another client made to the number of replicas between the observation and the action; absent if there was none. */
  readonly conflict?: ChangeByHand
}
const noAction: ActionOutcome = { action: null }

interface ActionArg {
  readonly dryRun: boolean
  readonly decision: Decision
  /** The pods in the observation, before any action. */
  readonly pods: readonly Pod[]
  /** The rollout's state as the scaler read it before the decision. */
  readonly rollout: RolloutScale | undefined
  /** Stores the intent; called immediately before the action. */
  readonly intend: () => Promise<void>
}

async function act({ dryRun, decision, pods, rollout, intend }: ActionArg, ports: LoopPorts, stop: AbortSignal): Promise<ActionOutcome> {
  const { clock } = ports
  const { scaleTo, currentReplicas } = decision
  if (currentReplicas === null) return noAction
  if (scaleTo === null) {
    // A rollout starts its own new replicas, so the scaler does not start them.
    if (!dryRun && rollout === undefined) await startPending(pods, currentReplicas, ports, stop)
    return noAction
  }
  const base = { from: currentReplicas, to: scaleTo, removed: [] }
  if (dryRun) return { action: { ...base, result: 'DryRun', durationSeconds: 0 } }
  const startedAt = clock.nowSeconds()
  const seconds = () => clock.nowSeconds() - startedAt
  try {
    const change = { from: currentReplicas, to: scaleTo }
    // During a rollout, the action only writes a number to a file.
    if (rollout === undefined) await intend()
    const changed = await (rollout === undefined ? scaleUnlessChanged(change, pods, ports, stop) : handOver(change, ports))
    if ('removed' in changed) return { action: { ...base, result: 'Succeeded', durationSeconds: seconds(), removed: changed.removed } }
    // The scaler accepts a number of replicas that another client has set, as it would after a write conflict in a cluster.
    const error = `the number of replicas was changed from ${currentReplicas} to ${changed.count} meanwhile`
    return {
      action: { ...base, result: 'Failed', durationSeconds: seconds(), error },
      conflict: { from: currentReplicas, to: changed.count },
    }
  } catch (error) {
    // Ctrl-C also interrupts the Compose process; such an interruption does not count as a failed action.
    const result = stop.aborted ? 'Interrupted' : 'Failed'
    return { action: { ...base, result, durationSeconds: seconds(), error: textOf(error) } }
  }
}

/**
 * Starts replicas that a failed or interrupted action created but did not start. In a cluster, the kubelet starts created containers
 * without a decision by the autoscaler. Prints the result. If a container fails to start, the next sync tries to start it again.
 */
async function startPending(pods: readonly Pod[], count: number, ports: LoopPorts, stop: AbortSignal): Promise<void> {
  const pending = pods.filter(({ phase, deleting }) => phase === 'Pending' && !deleting).map(({ name }) => name)
  if (pending.length === 0) return
  const what = `${pending.join(', ')} (created, but not started)`
  try {
    const changed = await scaleUnlessChanged({ from: count, to: count }, pods, ports, stop)
    ports.say('removed' in changed ? `started ${what}` : `did not start ${what}: the number of replicas is now ${changed.count}`)
  } catch (error) {
    ports.say(`cannot start ${what}: ${textOf(error)}`)
  }
}

/**
 * Passes the desired number of replicas to the current rollout. To scale up, the rollout adds new replicas; to scale down, it removes old
 * replicas first.
 */
async function handOver(
  { from, to }: ChangeByHand,
  { rollout }: LoopPorts,
): Promise<{ readonly removed: [] } | { readonly count: number }> {
  const now = await rollout?.read()
  if (now === undefined) throw new Error('the rollout ended meanwhile')
  if (now.replicas !== from) return { count: now.replicas }
  await rollout?.write({ ...now, replicas: to })
  return { removed: [] }
}

/**
 * Changes the number of replicas, unless another client has changed it since the observation; in that case, returns the number set by that
 * client.
 */
async function scaleUnlessChanged(
  { from, to }: ChangeByHand,
  pods: readonly Pod[],
  { clock, target, rollout }: LoopPorts,
  stop: AbortSignal,
): Promise<{ readonly removed: readonly string[] } | { readonly count: number }> {
  const draining = pods.filter(({ deleting }) => deleting).map(({ name }) => name)
  const bound = abortedAfterStop(clock, stop)
  try {
    const count = countWithout(draining, await target.list(bound.signal))
    if ((await rollout?.read()) !== undefined) throw new Error('a rollout has begun meanwhile')
    return count === from ? await target.scaleTo(to, draining, bound.signal) : { count }
  } finally {
    bound.release()
  }
}

/**
 * Returns a signal that aborts a running action finishWithinSeconds after the `stop` signal was aborted. The caller must call `release`
 * once the action has ended, which cancels this timeout.
 */
function abortedAfterStop(clock: Clock, stop: AbortSignal): { signal: AbortSignal; release: () => void } {
  const action = new AbortController()
  const released = new AbortController()
  const onStop = () => {
    void clock.sleep(finishWithinSeconds, released.signal).then(() => action.abort())
  }
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })
  const release = () => {
    stop.removeEventListener('abort', onStop)
    released.abort()
  }
  return { signal: action.signal, release }
}

function countWithout(draining: readonly string[], replicas: readonly ListedReplica[]): number {
  return replicas.filter(({ name }) => !draining.includes(name)).length
}

function outcomeOf(action: ActionRecord): RescaleOutcome {
  return action.result === 'Succeeded' ? { ok: true } : { error: action.error ?? action.result }
}

/** Returns the number of replicas after a sync, or null after a failed or interrupted action, which may be incomplete. */
function replicasAfter({ action, decision }: TickRecord): number | null {
  if (action === null || action.result === 'DryRun') return decision.currentReplicas
  return action.result === 'Succeeded' ? action.to : null
}

function changeByHand({ replicas: before }: LoopState, { scale }: Observation, lost: number): ChangeByHand | undefined {
  if ('error' in scale || before === null || before - lost === scale.specReplicas) return undefined
  return { from: before, to: scale.specReplicas }
}

function sayWhatHappened({ say }: LoopPorts, { action, decision, paused, timeScale, changedByHand, rollout }: TickRecord): void {
  const time = `${timeScale === 1 ? '' : ` (time compressed ${timeScale}x)`}${rollout === undefined ? '' : ', by the rollout under way'}`
  if (changedByHand) {
    const { from, to } = changedByHand
    say(`another client changed the number of replicas from ${from} to ${to}; the scaler continues from there`)
  }
  if (paused && decision.scaleTo !== null) say(`paused at ${decision.currentReplicas} replicas; would scale to ${decision.scaleTo}${time}`)
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
