/** Uses a timer to run the rebalancing functions in rebalance.ts: reads the table of replicas, and asks clients to reconnect. */
import type { Config } from './config.ts'
import type { Hub } from './hub.ts'
import type { Clock, Log } from './ports.ts'
import { rebalanceSettings, startRebalance, stepRebalance } from './rebalance.ts'
import type { ReplicaLoad, ReplicaTable } from './stores.ts'

export interface RebalancerDeps {
  config: Config
  /** This replica's id in the table of replicas. */
  id: string
  clock: Clock
  hub: Hub
  replicas: ReplicaTable
  log: Log
}

/** Interval between steps. Milliseconds. */
const stepMs = 100
/** The time window within which clients reconnect after they have been asked to. Milliseconds. */
const windowMs = 1000

/** Starts rebalancing sockets between replicas, unless REBALANCE=off. Returns a function that stops rebalancing. */
export function startRebalancer({ config, id, clock, hub, replicas, log }: RebalancerDeps): () => void {
  if (config.REBALANCE === 'off') return () => {}
  let state = startRebalance()
  // Ready replicas of the other deployment colour (blue or green) are not counted, because the deploy determines their share of the
  // sockets.
  // Draining replicas of the other deployment colour (blue or green) are counted, because their clients reconnect to replicas of this
  // colour.
  const counts = ({ colour = config.LAB_COLOUR, state }: ReplicaLoad) => colour === config.LAB_COLOUR || state === 'draining'

  function step(): void {
    const staying = hub.size - hub.askedToReconnect()
    const table = replicas.all().filter(counts)
    const input = { nowMs: clock.steady(), self: id, staying, table, rollingOut: replicas.isRollingOut() }
    const next = stepRebalance(rebalanceSettings, state, input)
    if (next.state.phase !== state.phase) log.info({ phase: next.state.phase, staying, table }, 'rebalance')
    state = next.state
    if (next.goodbyes > 0) hub.sayGoodbye({ count: next.goodbyes, windowMs, reason: 'rebalancing', random: Math.random })
  }

  const timer = setInterval(step, stepMs)
  return () => clearInterval(timer)
}
