/** Decides which of a storyboard's views a lab has, and at which address. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '@lab/host/lab-error.ts'
import { type Storyboard, shownIn, type View, viewOf } from '../core/storyboard.ts'
import type { Pages } from './filmed-lab.ts'

/** A web page that a film can show in a frame of the screen. */
export interface Frame {
  /** Identifies the frame on the screen. */
  id: string
  url: string
  /** Factor by which the screen enlarges the page. */
  zoom: number
  /** Name of a style sheet that makes the page fit the screen; null leaves the page unchanged. */
  style: string | null
}

/** The frames of the pages that are not a Grafana dashboard. `charts` is another part of the live page. */
const frames = {
  page: { zoom: 2, style: 'live.css' },
  client: { zoom: 1.6, style: null },
  traefik: { zoom: 1.4, style: null },
} as const
const grafanaZoom = 1.25
const askWithinMs = 10_000

/** Returns the frame that shows a view; null for a view that is part of the screen, and undefined for a page that the lab lacks. */
export function frameOf({ kind, words }: View, pages: Pages): Frame | null | undefined {
  switch (kind) {
    case 'terminal':
    case 'diagram':
      return null
    case 'charts':
      return frameOf({ kind: 'page', words: [] }, pages)
    case 'grafana': {
      if (pages.grafana === null) return undefined
      const url = `${pages.grafana}/d/${words[0]}?kiosk&theme=dark&refresh=5s&from=now-5m&to=now`
      return { id: `grafana-${words[0]}`, url, zoom: grafanaZoom, style: null }
    }
    default:
      return pages[kind] === null ? undefined : { id: kind, url: pages[kind], ...frames[kind] }
  }
}

/**
 * Returns the view that each list of alternatives of a storyboard shows: the first that the lab has and that answers. The keys are the
 * alternatives, joined by commas.
 * @param folder folder of the storyboard, which contains its diagrams
 * @param needed whether it is an error if the lab has none of the alternatives
 */
export async function chooseViews(storyboard: Storyboard, pages: Pages, folder: string, needed: boolean): Promise<Map<string, string>> {
  const chosen = new Map<string, string>()
  const answers = new Map<string, Promise<boolean>>()
  const has = async (text: string): Promise<boolean> => {
    const view = viewOf(text)
    if (view === undefined) return false
    if (view.kind === 'diagram' && !existsSync(join(folder, view.words[0] ?? '')))
      throw new LabError(`there is no diagram ${view.words[0]} beside the storyboard`)
    const frame = frameOf(view, pages)
    if (frame === null || frame === undefined) return frame === null
    const url = view.kind === 'grafana' ? `${pages.grafana}/api/dashboards/uid/${view.words[0]}` : frame.url
    const known =
      answers.get(url) ??
      fetch(url, { signal: AbortSignal.timeout(askWithinMs) }).then(
        ({ ok }) => ok,
        () => false,
      )
    answers.set(url, known)
    return known
  }
  for (const alternatives of shownIn(storyboard)) {
    for (const text of alternatives) {
      if (!(await has(text))) continue
      chosen.set(alternatives.join(), text)
      break
    }
    if (needed && !chosen.has(alternatives.join()))
      throw new LabError(`this lab has none of the views ${alternatives.join(', ')}; add page or terminal to the list in the storyboard`)
  }
  return chosen
}
