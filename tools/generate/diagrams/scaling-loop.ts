/** Builds the diagram of the scaler's control loop, with the values from its HorizontalPodAutoscaler. Pure. */
import { paths } from '@lab/contract/endpoints.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, MetricSpec, ScalingRules } from '@lab/scaler/core/types.ts'
import type { Flowchart } from './mermaid.ts'

export interface LoopFacts {
  hpa: HorizontalPodAutoscaler
  controller: ControllerOptions
  scrapeInterval: string
  /** Names of the metrics that expose the scaler's decisions. */
  views: readonly string[]
}

export function scalingLoopDiagram({ hpa, controller, scrapeInterval, views }: LoopFacts): Flowchart {
  const { scaleUp, scaleDown } = hpa.behavior ?? {}
  const upSeconds = scaleUp?.stabilizationWindowSeconds ?? 0
  const downSeconds = scaleDown?.stabilizationWindowSeconds ?? controller.downscaleStabilizationSeconds
  return {
    direction: 'TB',
    nodes: [
      { id: 'replicas', lines: ['replicas of ws', `${hpa.minReplicas} to ${hpa.maxReplicas}`] },
      { id: 'prometheus', lines: ['prometheus'], shape: 'store' },
      { id: 'hpa', lines: ['scaler/hpa.yaml', ...hpa.metrics.map(targetText)], shape: 'round' },
      { id: 'observe', lines: ['observe', `every ${controller.syncPeriodSeconds} s`] },
      {
        id: 'recommend',
        lines: ['recommend', 'usage over target, rounded up', `tolerance ${Math.round(controller.tolerance * 100)} %`],
      },
      {
        id: 'stabilize',
        lines: ['stabilise', `up: minimum within ${upSeconds} s`, `down: maximum within ${downSeconds} s`],
      },
      { id: 'limit', lines: ['limit', ...policyLines('up', scaleUp), ...policyLines('down', scaleDown)] },
      { id: 'record', lines: ['decision log', 'one record per decision'], shape: 'store' },
      { id: 'engine', lines: ['docker compose --scale'] },
      { id: 'views', lines: ['explain, replay, metrics', ...views] },
    ],
    edges: [
      { from: 'replicas', to: 'prometheus', lines: [`${paths.metrics} every ${scrapeInterval}`] },
      { from: 'prometheus', to: 'observe', lines: ['queries of scaler/metrics.yaml'] },
      { from: 'replicas', to: 'observe', lines: ['existing replicas, memory'] },
      { from: 'hpa', to: 'recommend', kind: 'dotted' },
      { from: 'observe', to: 'recommend' },
      { from: 'recommend', to: 'stabilize' },
      { from: 'stabilize', to: 'limit' },
      { from: 'limit', to: 'record', lines: ['desired replicas, reason'] },
      { from: 'limit', to: 'engine', lines: ['one action at a time'] },
      { from: 'engine', to: 'replicas', lines: ['start, or SIGTERM and drain'] },
      { from: 'record', to: 'views', kind: 'dotted' },
    ],
  }
}

function targetText(metric: MetricSpec): string {
  const name = 'metric' in metric ? metric.metric.name : metric.name
  const { averageUtilization, averageValueMilli, valueMilli } = metric.target
  if (averageUtilization !== undefined) return `${name} ${averageUtilization} %`
  return `${name} ${(averageValueMilli ?? valueMilli ?? 0) / 1000}`
}

function policyLines(direction: string, rules: ScalingRules | undefined): string[] {
  return (rules?.policies ?? []).map(
    ({ type, value, periodSeconds }) => `${direction}: ${value}${type === 'Percent' ? ' %' : ''} in ${periodSeconds} s`,
  )
}
