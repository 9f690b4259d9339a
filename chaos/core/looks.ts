/** Short ways to say what is looked at. Pure. */
import { jobs, ports } from '../../contract/src/endpoints.ts'
import type { Labels, Look, Scene, Statement } from './types.ts'

const ws = (replica?: string, more = '') => `{job="${jobs.ws}"${replica === undefined ? '' : `, replica="${replica}"`}${more}}`

/** Series of replicas, or of one. */
export const series = (name: string, replica?: string, more?: string) => `${name}${ws(replica, more)}`

/** Traefik has the replica in its pool. */
export const inPool = ({ address }: Scene) =>
  `traefik_service_server_up{job="${jobs.traefik}", url="http://${address}:${ports.public}"} == 1`

/** Comes true within a time while the fault lasts. */
export const during = (withinSeconds: number, what: string, look: Look): Statement => ({ phase: 'during', what, look, withinSeconds })
/** Holds all the while the fault lasts. */
export const throughout = (what: string, look: Look): Statement => ({ phase: 'during', what, look })
/** Comes true within a time once the fault is undone. */
export const after = (withinSeconds: number, what: string, look: Look, steadySeconds?: number): Statement => ({
  phase: 'after',
  what,
  look,
  withinSeconds,
  ...(steadySeconds !== undefined && { steadySeconds }),
})

export const query = (promql: string): Look => ({ kind: 'query', promql })

/** The alert in words: its name, and what else tells it apart. */
export function alertWords({ alertname = '', ...others }: Labels): string {
  const rest = Object.entries(others).map(([name, value]) => `${name}="${value}"`)
  return rest.length === 0 ? alertname : `${alertname}{${rest.join(', ')}}`
}

/** The alert comes within a time, and goes within a time after the end. */
export function alert(labels: Labels, firesWithin: number, endsWithin: number): Statement[] {
  const name = alertWords(labels)
  return [
    during(firesWithin, `the alert ${name} fires`, { kind: 'alert', labels, firing: true }),
    after(endsWithin, `the alert ${name} is over`, { kind: 'alert', labels, firing: false }),
  ]
}

/** The alert does not come. */
export function silent(labels: Labels): Statement {
  return throughout(`the alert ${alertWords(labels)} stays silent`, { kind: 'alert', labels, firing: false })
}

/** Clients go on being served. */
export const entryAnswers = throughout('the entry goes on answering', { kind: 'entry' })
