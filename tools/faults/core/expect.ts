/** Defines helper functions for writing expectations, steps and PromQL. Pure. */
import type { Disturbance } from '@lab/contract/embedded-api.ts'
import { jobs, ports, services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import type { FactsOf, Labels, LeftCheck, QueryCheck, StepOf } from '@lab/lab/lab.ts'
import type { Expectation, Expected } from '../fault.ts'

type ComposeFacts = FactsOf<'compose'>
type EmbeddedFacts = FactsOf<'embedded'>

/** Expects that the condition holds at some time during the fault, at most `withinSeconds` after the fault starts. */
export function during<const C>(withinSeconds: number, what: string, check: C): Expected<C> {
  return { phase: 'during', what, check, withinSeconds }
}

/** Expects that the condition holds during the whole fault. */
export function throughout<const C>(what: string, check: C): Expected<C> {
  return { phase: 'during', what, check }
}

/**
 * Expects that the condition holds at most `withinSeconds` after the fault has been undone. If `steadySeconds` is given, the condition must
 * then hold for at least that long.
 */
export function after<const C>(withinSeconds: number, what: string, check: C, more: Pick<Expected<C>, 'steadySeconds'> = {}): Expected<C> {
  return { phase: 'after', what, check, withinSeconds, ...more }
}

/** Marks an expectation as evidence that the fault took effect. */
export function evidence<C>(expected: Expected<C>): Expected<C> {
  return { ...expected, evidence: true }
}

/** Expects that the lab's entry point still responds to requests. */
export const entryAnswers = throughout('the entry still answers', { kind: 'entry' })

export function query(promql: string): QueryCheck {
  return { kind: 'query', promql }
}

/** Formats an alert as text, with its name and its other labels. */
function alertWords({ alertname = '', ...others }: Labels): string {
  const rest = Object.entries(others).map(([name, value]) => `${name}="${value}"`)
  return rest.length === 0 ? alertname : `${alertname}{${rest.join(', ')}}`
}

/** Expects that the alert fires during the fault and is resolved after it, each within a time limit. */
export function alert(labels: Labels, firesWithin: number, endsWithin: number): Expectation<'compose'>[] {
  const name = alertWords(labels)
  return [
    during(firesWithin, `the alert ${name} fires`, { kind: 'alert', labels, firing: true }),
    after(endsWithin, `the alert ${name} is resolved`, { kind: 'alert', labels, firing: false }),
  ]
}

/** Expects that the alert does not fire. */
export function silent(labels: Labels): Expectation<'compose'> {
  return throughout(`the alert ${alertWords(labels)} does not fire`, { kind: 'alert', labels, firing: false })
}

/**
 * Returns a PromQL selector for the series of one replica, or of all replicas.
 * @param more additional label matchers, for example `, state="ready"`
 */
export function series(name: string, replica?: string, more = ''): string {
  return `${name}{job="${jobs.ws}"${replica === undefined ? '' : `, replica="${replica}"`}${more}}`
}

/** Returns a PromQL query that shows whether Prometheus can scrape one replica, or each of them. */
export const up = (replica?: string): string => series('up', replica)
/** Returns a PromQL query that shows whether one replica, or each of them, is connected to its stores. */
export const store = (replica?: string): string => series(metrics.dependencyUp.name, replica)

/** Returns a PromQL query that yields a series if the replica is in Traefik's pool. */
export function inPool({ address }: ComposeFacts): string {
  return `traefik_service_server_up{job="${jobs.traefik}", url="http://${address}:${ports.public}"} == 1`
}

/** PromQL query for the number of replicas in Traefik's pool. */
export const poolOf = `count(traefik_service_server_up{job="${jobs.traefik}", service="${services.ws}@docker"} == 1)`

export function leavesPool(facts: ComposeFacts, withinSeconds: number): Expectation<'compose'> {
  const gone = `absent(${inPool(facts)}) and on () ${standardMetrics.up}{job="${jobs.traefik}"} == 1`
  return during(withinSeconds, `${facts.replica} is no longer in Traefik's pool`, query(gone))
}

export function isReady({ replica }: ComposeFacts, withinSeconds: number): Expectation<'compose'> {
  const ready = `${series(metrics.replicaState.name, replica, ', state="ready"')} == 1 and on (replica) ${up(replica)} == 1`
  return after(withinSeconds, `${replica} is ready, and Prometheus can scrape it`, query(ready))
}

export function allUp({ replicas }: ComposeFacts, withinSeconds: number): Expectation<'compose'> {
  return after(withinSeconds, `Prometheus can scrape all ${replicas} replicas`, query(`count(${up()} == 1) >= ${replicas}`))
}

export function storesUp(withinSeconds: number): Expectation<'compose'> {
  const what = `every replica reaches Valkey again: ${metrics.dependencyUp.name} is 1`
  return after(withinSeconds, what, query(`min(${store()}) == 1`))
}

/** Returns the name of the replica's container. */
export const victim = ({ project, replica }: ComposeFacts): string => `${project}-${replica}`
/** Returns the name of a service's first container. */
export const containerOf = ({ project }: ComposeFacts, service: keyof typeof services): string => `${project}-${services[service]}-1`
export const network = ({ project }: ComposeFacts, name: string): string => `${project}_${name}`

export function docker(...args: readonly string[]): StepOf<'compose'> {
  return { kind: 'docker', args }
}

/** Expects that the replica no longer exists. Another replica with the same name may already have been started. */
export function hasLeft({ replica, startedAtSeconds }: Pick<EmbeddedFacts, 'replica' | 'startedAtSeconds'>): LeftCheck {
  return { kind: 'left', id: replica, startedAtSeconds }
}

export function asManyReady({ replicas }: EmbeddedFacts, withinSeconds: number): Expectation<'embedded'> {
  return after(withinSeconds, `${replicas} replicas are ready`, { kind: 'ready', atLeast: replicas })
}

/** Expects that all pods are Ready again. */
export function complete(withinSeconds: number): Expectation<'kubernetes'> {
  return after(withinSeconds, 'all pods are Ready', { kind: 'complete' })
}

/** Returns the steps that begin and end a fault that affects the embedded lab or one of its replicas. */
export function disturbance(
  kind: Disturbance,
  { replica, seconds }: Pick<EmbeddedFacts, 'replica' | 'seconds'>,
): { begin: StepOf<'embedded'>[]; undo: StepOf<'embedded'>[] } {
  return {
    begin: [{ kind: 'order', order: 'disturb', body: { kind, id: replica, seconds } }],
    undo: [{ kind: 'order', order: 'calm', body: { kind, of: replica } }],
  }
}
