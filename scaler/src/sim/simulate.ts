/** Runs the engine against a world and writes down what happened: one line per synchronisation. */
import { decide, recordRescale } from '../core/decide.ts'
import type { Decision, Memory, MetricReport } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from '../core/types.ts'
import type { WorldCounts, WorldSettings } from './world.ts'
import { World } from './world.ts'

export interface Simulation {
  readonly title: string
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  readonly world: WorldSettings
  readonly durationSeconds: number
}

export interface SimulatedStep {
  readonly observation: Observation
  readonly decision: Decision
  /** As it is after the synchronisation. */
  readonly memory: Memory
  readonly counts: WorldCounts
}

/** Every decision in order. Writing a new count always succeeds here, and takes effect at once. */
export function simulate({ hpa, options, world: settings, durationSeconds }: Simulation): SimulatedStep[] {
  const world = new World(settings)
  let memory: Memory = emptyMemory
  const steps: SimulatedStep[] = []
  for (let second = 0; second <= durationSeconds; second += 1) {
    if (second > 0) world.tick()
    if (second % options.syncPeriodSeconds !== 0) continue
    const counts = world.counts()
    const observation = world.observe(hpa)
    const done = recordRescale(hpa, options, decide(hpa, options, observation, memory), { ok: true })
    memory = done.memory
    if (done.decision.scaleTo !== null) world.scaleTo(done.decision.scaleTo)
    steps.push({ observation, decision: done.decision, memory, counts })
  }
  return steps
}

const columns = [5, 7, 7, 8, 22, 13, 4, 4, 4, 4, 3] as const
const header = ['time', 'clients', 'sockets', 'r+s+d', 'connections', 'cpu', 'ask', 'stab', 'poli', 'boun', 'to', 'why'] as const

/** The trace as text. r+s+d: replicas ready, starting, draining; then each metric as current/target → proposal. */
export function traceText(simulation: Simulation, steps: readonly SimulatedStep[]): string {
  const { hpa, world } = simulation
  const title = `# ${simulation.title}. Seed ${world.seed}, ${hpa.minReplicas} to ${hpa.maxReplicas} replicas.`
  return [title, line(header), ...steps.map((step) => line(cells(step))), ''].join('\n')
}

function cells({ decision, counts }: SimulatedStep): string[] {
  const { metrics, recommendation, stabilized, policyLimited, bounded, scaleTo } = decision
  const numbers = [recommendation, stabilized, policyLimited, bounded].map((count) => count?.toString() ?? '-')
  return [
    decision.timeSeconds.toString(),
    counts.clients.toString(),
    counts.sockets.toString(),
    `${counts.ready}+${counts.starting}+${counts.draining}`,
    ...metrics.map(metricText),
    ...numbers,
    scaleTo?.toString() ?? '',
    whyText(decision),
  ]
}

function metricText({ reasoning, target }: MetricReport): string {
  if (reasoning === null) return 'cannot be read'
  const { current, pods, proposal } = reasoning
  const value =
    current.averageUtilization === undefined
      ? `${(current.averageValueMilli ?? 0) / 1000}/${(target.averageValueMilli ?? 0) / 1000}`
      : `${current.averageUtilization}%/${target.averageUtilization}%`
  const guessed = pods && pods.missing.length > 0 ? ` -${pods.missing.length}` : ''
  return `${value}${guessed} → ${proposal}`
}

/** The reasons that say more than "nothing to do". */
function whyText({ conditions, boundBy }: Decision): string {
  const able = conditions.find(({ type }) => type === 'AbleToScale')?.reason ?? ''
  const active = conditions.find(({ type }) => type === 'ScalingActive')
  const reasons = [able === 'ReadyForNewScale' ? '' : able, boundBy ?? '', active?.status === 'False' ? active.reason : '']
  return reasons.filter((reason) => reason !== '').join(' ')
}

function line(texts: readonly string[]): string {
  return texts
    .map((text, i) => text.padStart(columns[i] ?? 0))
    .join(' ')
    .replace(/ (\S.*)?$/, (end) => end.trimEnd())
}
