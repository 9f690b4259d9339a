/** The lab that is filmed: its stage, the pages that are shown, and the source that its numbers are held against. */
import { openPlaces } from '../../cli/src/places.ts'
import { labContainers } from '../../cli/src/project.ts'
import { services } from '../../contract/src/endpoints.ts'
import type { Stage } from '../core/stage.ts'
import { composeStage } from '../stages/compose.ts'
import { embeddedStage } from '../stages/embedded.ts'
import type { FilmedPages } from './filming.ts'
import { type NumberSource, prometheusSource, replicasSource } from './sources.ts'

export interface FilmedLab {
  stage: Stage
  pages: Omit<FilmedPages, 'stage'>
  source: NumberSource
}

/** An embedded lab of its own, on free ports. Rejects with one line when it cannot be started. */
export async function embeddedLab(timeScale: number, valkeyUrl?: string): Promise<FilmedLab> {
  const stage = await embeddedStage({ timeScale, ...(valkeyUrl !== undefined && { valkeyUrl }) })
  const pages = { live: stage.page, liveReady: '#replicas li', liveStyle: 'compact-live.css', client: stage.entry }
  return { stage, pages, source: replicasSource(stage.page) }
}

/**
 * The Compose lab that runs. Rejects with one line when there is none, or no page to film.
 * @param live in place of Grafana's page on scaling
 */
export async function composeLab(seed: number, timeScale?: number, live?: string): Promise<FilmedLab> {
  const running = openPlaces((await labContainers().catch(() => [])).filter(({ state }) => state === 'running'))
  const url = (word: string) => running.find((place) => place.word === word)?.url
  const [entry, prometheus, grafana] = [url('page'), url(services.prometheus), url(services.grafana)]
  if (entry === undefined || prometheus === undefined) throw new Error('no lab runs here; start it: npm run k8s-sim')
  const shown = live ?? (grafana && `${grafana}/d/lab-scaling?kiosk&theme=dark&refresh=5s&from=now-5m&to=now`)
  if (shown === undefined) throw new Error('Grafana does not run here; film another page with --live, or the embedded lab without --on')
  const stage = await composeStage({ seed, ...(timeScale !== undefined && { timeScale }) })
  if (stage === undefined) throw new Error('no lab runs here; start it: npm run k8s-sim')
  const pages = { live: shown, liveReady: 'body *', liveStyle: null, client: entry }
  return { stage, pages, source: prometheusSource(prometheus) }
}
