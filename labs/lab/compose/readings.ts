/** Lists the sources of the figures that the Compose lab reports. */
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { recently } from '@lab/host/readings.ts'
import type { FigureName } from '../lab.ts'

const { connectionsByReplica, stateByReplica, connections } = queries(allReplicas)
const { sentPerSecond, latencyP95Seconds } = recently

const scaler = `the scaler's decision log`
const states = `PromQL: ${stateByReplica}`
const bySockets = `PromQL: ${connectionsByReplica}`
/** The source of each reported figure: a PromQL query or a description in words. */
export const sources: Record<FigureName, string> = {
  replicas: states,
  starting: states,
  draining: states,
  sockets: `PromQL: ${connections}`,
  fullest: bySockets,
  emptiest: bySockets,
  answers: `PromQL: ${sentPerSecond}`,
  p95: `PromQL: 1000 * ${latencyP95Seconds}`,
  desired: scaler,
  min: scaler,
  max: scaler,
  target: scaler,
}
