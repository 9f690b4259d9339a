/** Runs the engine in a simulated lab and produces a trace with one line per sync. */
import { decide, recordRescale } from '../core/decide.ts'
import type { Decision, Memory, MetricReport } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from '../core/types.ts'
import type { SimulatedLabCounts, SimulatedLabSettings } from './simulated-lab.ts'
import { SimulatedLab } from './simulated-lab.ts'

export interface Simulation {
  readonly title: string
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  readonly lab: SimulatedLabSettings
  readonly durationSeconds: number
}

export interface SimulatedStep {
  readonly observation: Observation
  readonly decision: Decision
  /** The engine's remembered state after the sync. */
  readonly memory: Memory
  readonly counts: SimulatedLabCounts
}

/**
 * Returns the decisions of the simulation in order. Every simulated change to the number of replicas succeeds and takes effect immediately.
 */
export function simulate({ hpa, options, lab: settings, durationSeconds }: Simulation): SimulatedStep[] {
  const lab = new SimulatedLab(settings)
  let memory: Memory = emptyMemory
  const steps: SimulatedStep[] = []
  for (let second = 0; second <= durationSeconds; second += 1) {
    if (second > 0) lab.tick()
    if (second % options.syncPeriodSeconds !== 0) continue
    const counts = lab.counts()
    const observation = lab.observe(hpa)
    const done = recordRescale(hpa, options, decide(hpa, options, observation, memory), { ok: true })
    memory = done.memory
    if (done.decision.scaleTo !== null) lab.scaleTo(done.decision.scaleTo)
    steps.push({ observation, decision: done.decision, memory, counts })
  }
  return steps
}

const columns = [5, 7, 7, 8, 22, 13, 4, 4, 4, 4, 3] as const
const header = ['time', 'clients', 'sockets', 'r+s+d', 'connections', 'cpu', 'ask', 'stab', 'poli', 'boun', 'to', 'why'] as const

/**
 * Returns the trace as text. The r+s+d column contains the numbers of ready, starting and draining replicas. In the trace, metrics have the
 * form current/target → proposal.
 */
export function traceText(simulation: Simulation, steps: readonly SimulatedStep[]): string {
  const { hpa, lab } = simulation
  const title = `# ${simulation.title}. Seed ${lab.seed}, ${hpa.minReplicas} to ${hpa.maxReplicas} replicas.`
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

/** Returns the reasons of all conditions that are not in their normal state, separated by spaces. */
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
