/** Prepares a lab for recording: starts its pages, and selects the source with which the video's numbers are compared. */
import { services } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { openPlaces } from '@lab/lab/compose/places.ts'
import { labContainers } from '@lab/lab/compose/project.ts'
import type { AnyLocalLab } from '@lab/lab/lab.ts'
import { composeLabForScenes, type FindOptions, startedEmbeddedLab } from '../find-lab.ts'
import type { FilmedPages } from './filming.ts'
import { type NumberSource, prometheusSource, replicasSource } from './sources.ts'

export interface FilmedLab {
  lab: AnyLocalLab
  pages: Omit<FilmedPages, 'recording'>
  source: NumberSource
}

/** Starts an embedded lab on free ports. Rejects with a one-line error if the lab cannot be started. */
export async function filmedEmbeddedLab(options: Pick<FindOptions, 'timeScale' | 'valkey'>): Promise<FilmedLab> {
  const lab = await startedEmbeddedLab(options)
  const pages = { live: lab.page, liveReady: '#replicas li', liveStyle: 'compact-live.css', client: lab.entry }
  return { lab, pages, source: replicasSource(lab.state) }
}

export interface FilmedComposeOptions extends Pick<FindOptions, 'seed' | 'timeScale'> {
  /** Address of a page to record instead of Grafana's Scaling dashboard. */
  live?: string | undefined
}

/** Resolves with the running Compose lab. Rejects with a one-line error if no lab is running or if there is no page to record. */
export async function filmedComposeLab({ seed, timeScale, live }: FilmedComposeOptions): Promise<FilmedLab> {
  const shown = live ?? (await scalingPage())
  const lab = await composeLabForScenes({ seed, timeScale })
  const pages = { live: shown, liveReady: 'body *', liveStyle: null, client: lab.entry }
  return { lab, pages, source: prometheusSource(lab.prometheus) }
}

/** Returns the address of Grafana's Scaling dashboard, without menus. */
async function scalingPage(): Promise<string> {
  const grafana = openPlaces(await labContainers()).find(({ word }) => word === services.grafana)?.url
  if (grafana === undefined)
    throw new LabError('Grafana does not run; choose another page with --live, or omit --on to film an embedded lab')
  return `${grafana}/d/lab-scaling?kiosk&theme=dark&refresh=5s&from=now-5m&to=now`
}
