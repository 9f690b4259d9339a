/** Prepares a lab for recording: finds its pages, and selects the source with which the film's numbers are compared. */
import { services } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { labContainers } from '@lab/lab/compose/project.ts'
import type { AnyLocalLab, LocalKind } from '@lab/lab/lab.ts'
import { composeLabForScenes, type FindOptions, startedEmbeddedLab } from '../find-lab.ts'
import { type NumberSource, prometheusSource, replicasSource } from './sources.ts'

/** The addresses of a lab's pages; null if the lab does not have the page. */
export interface Pages {
  /** The live page. */
  page: string | null
  /** The test client page. */
  client: string | null
  traefik: string | null
  grafana: string | null
}

export interface FilmedLab {
  lab: AnyLocalLab
  pages: Pages
  source: NumberSource
}

export interface FilmedOptions extends Pick<FindOptions, 'seed' | 'timeScale' | 'valkey'> {
  on: LocalKind
}

/** Starts an embedded lab on free ports, or finds the running Compose lab. Rejects with a one-line error if there is no lab. */
export function filmedLab({ on, ...options }: FilmedOptions): Promise<FilmedLab> {
  if (on === 'compose' && options.valkey !== undefined) throw new LabError('--valkey applies to the embedded lab only')
  return on === 'compose' ? filmedComposeLab(options) : filmedEmbeddedLab(options)
}

async function filmedEmbeddedLab(options: Pick<FindOptions, 'timeScale' | 'valkey'>): Promise<FilmedLab> {
  const lab = await startedEmbeddedLab(options)
  return { lab, pages: { page: lab.page, client: lab.entry, traefik: null, grafana: null }, source: replicasSource(lab.state) }
}

async function filmedComposeLab({ seed, timeScale }: Pick<FindOptions, 'seed' | 'timeScale'>): Promise<FilmedLab> {
  const places = openPlaces(await labContainers())
  const at = (word: string) => places.find((place) => place.word === word)?.url ?? null
  const traefik = at('traefik')
  const lab = await composeLabForScenes({ seed, timeScale })
  const pages = { page: at('live'), client: lab.entry, traefik: traefik && `${traefik}/dashboard/`, grafana: at(services.grafana) }
  return { lab, pages, source: prometheusSource(lab.prometheus) }
}
