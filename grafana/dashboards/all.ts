/** Returns all dashboards, in the order in which they link to each other. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { containers } from './containers.ts'
import { day } from './day.ts'
import { errorRates } from './errors.ts'
import { loadAndEdge } from './load-and-edge.ts'
import { logs } from './logs.ts'
import { replicas } from './replicas.ts'
import { scaling } from './scaling.ts'
import { stores } from './stores.ts'
import { users } from './users.ts'
import { websocketLab } from './websocket-lab.ts'

/** Builds new copies of all dashboards on every call. */
export function allDashboards(): Dashboard[] {
  return [websocketLab(), users(), scaling(), replicas(), loadAndEdge(), errorRates(), day(), stores(), containers(), logs()]
}
