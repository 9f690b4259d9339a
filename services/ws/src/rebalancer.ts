/** Runs the plan of rebalance.ts: owns its timer, reads the table of replicas, and says the goodbyes. */
import type { Config } from './config.ts'
import type { Hub } from './hub.ts'
import type { Clock, Log } from './ports.ts'
import { rebalanceSettings, startRebalance, stepRebalance } from './rebalance.ts'
import type { ReplicaTable } from './stores.ts'

export interface RebalancerDeps {
  config: Config
  /** This replica's id, as it stands in the table. */
  id: string
  clock: Clock
  hub: Hub
  replicas: ReplicaTable
  log: Log
}

/** How often to take a step. Milliseconds. */
const stepMs = 100
/** Over how long those who are told spread their return. Milliseconds. */
const windowMs = 1000

/** Begins to share sockets evenly with the other replicas, unless REBALANCE=off. Returns how to end that. */
export function startRebalancer({ config, id, clock, hub, replicas, log }: RebalancerDeps): () => void {
  if (config.REBALANCE === 'off') return () => {}
  let state = startRebalance()

  function step(): void {
    const staying = hub.size - hub.leaving
    const next = stepRebalance(rebalanceSettings, state, { nowMs: clock.steady(), self: id, staying, table: replicas.all() })
    if (next.state.phase !== state.phase) log.info({ phase: next.state.phase, staying, table: replicas.all() }, 'rebalance')
    state = next.state
    if (next.goodbyes > 0) hub.sayGoodbye({ count: next.goodbyes, windowMs, reason: 'rebalancing', random: Math.random })
  }

  const timer = setInterval(step, stepMs)
  return () => clearInterval(timer)
}
