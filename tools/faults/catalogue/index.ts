/**
 * The catalogue of all faults by name, shared by chaos, demo, storm, prove and the alert tests. This module contains only pure data and
 * functions.
 */
import type { LabKind } from '@lab/lab/lab.ts'
import type { Fault, InPlan } from '../fault.ts'
import { deploy } from './deploy.ts'
import { drain } from './drain.ts'
import { kill } from './kill.ts'
import { cutLinks, slowLinks } from './links.ts'
import { listenQueue } from './listen-queue.ts'
import { partition } from './partition.ts'
import { pause, pauseAll } from './pause.ts'
import { prometheusDown, scrapeGap } from './prometheus.ts'
import { busy, memory } from './resources.ts'
import { failingRollout, rollout } from './rollout.ts'
import { scale } from './scale.ts'
import { dockerApiDown, scalerKill } from './scaler.ts'
import { slowNetwork } from './slow-network.ts'
import { resets } from './tcp-resets.ts'
import { traefikDown, traefikRestart } from './traefik.ts'
import { traefikReload } from './traefik-reload.ts'
import { valkeyDown, valkeyPause, valkeyRestart } from './valkey.ts'

const catalogue = {
  kill,
  pause,
  'pause-all': pauseAll,
  drain,
  memory,
  busy,
  'slow-network': slowNetwork,
  partition,
  'valkey-down': valkeyDown,
  'valkey-restart': valkeyRestart,
  'valkey-pause': valkeyPause,
  'prometheus-down': prometheusDown,
  'scrape-gap': scrapeGap,
  'traefik-restart': traefikRestart,
  'traefik-down': traefikDown,
  'slow-links': slowLinks,
  'cut-links': cutLinks,
  'listen-queue': listenQueue,
  'docker-api-down': dockerApiDown,
  'scaler-kill': scalerKill,
  ...resets,
  'traefik-reload': traefikReload,
  scale,
  rollout,
  'rollout-failing': failingRollout,
  deploy,
} as const satisfies Record<string, Fault>

type Catalogue = typeof catalogue
export type FaultName = keyof Catalogue
/** Names of the faults that this kind of lab supports. */
export type FaultNameOn<K extends LabKind> = { [N in FaultName]: K extends keyof Catalogue[N]['on'] ? N : never }[FaultName]
/** Names of the faults that `prove` can include in its plan. */
export type PlanFaultName = { [N in FaultName]: Catalogue[N] extends { inPlan: InPlan } ? N : never }[FaultName]

export const faults: Readonly<Record<FaultName, Fault>> = catalogue
/** The faults that `prove` can include in its plan, with their settings for the plan. */
export const planFaults: Readonly<Record<PlanFaultName, Fault & { readonly inPlan: InPlan }>> = catalogue

const faultNames = Object.keys(catalogue) as FaultName[]
/** Names of the faults that can run alone, for example with the `chaos` command. */
export const singleFaultNames: readonly FaultName[] = faultNames.filter((name) => faults[name].inPlan?.only !== true)
export const planFaultNames = faultNames.filter((name): name is PlanFaultName => faults[name].inPlan !== undefined)

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(catalogue, name)
}

/** Selects those faults in `names` that this kind of lab supports; by default, `names` contains all faults that can run alone. */
export function faultsOn<N extends FaultName, K extends LabKind>(
  kind: K,
  names: readonly N[] = singleFaultNames as readonly N[],
): (N & FaultNameOn<K>)[] {
  return names.filter((name): name is N & FaultNameOn<K> => faults[name].on[kind] !== undefined)
}
