/** Takes stills of the lab's pages, as a visitor sees them, while a storyboard is played. */
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { z } from 'zod'
import type { DemoEvent } from '../core/events.ts'
import { storyScene } from '../core/story.ts'
import { viewOf } from '../core/storyboard.ts'
import { Transcript } from '../core/transcript.ts'
import { playOn } from '../run.ts'
import { pageSettings, startChromium } from './browser.ts'
import { shrink } from './ffmpeg.ts'
import type { RecordOptions } from './record.ts'
import { chooseViews, type Frame, frameOf } from './views.ts'

/** Sizes of the browser window for the lab's own pages and for Grafana's and Traefik's. The lab's own pages are shown in full. */
const windows = { own: { width: 1280, height: 800 }, other: { width: 1600, height: 1000 } } as const
const loadWithinMs = 30_000
/** How long a dashboard may load its panels. */
const quietWithinMs = 20_000

export interface Stills {
  /** The files that were written, relative to the folder. */
  taken: string[]
  /** The stills whose view the lab does not have. */
  skipped: string[]
  /** The reason why stills are missing; null if the storyboard was played to its end. */
  failure: string | null
}

/** Plays a storyboard and takes its stills. The name of a still is the name of its file. */
export async function takeStills({ story, filmed, folder, seed, say, signal }: RecordOptions): Promise<Stills> {
  const { lab, pages } = filmed
  const chosen = await chooseViews(story.storyboard, pages, story.folder, false)
  // `grafana every` is not a dashboard, so it is available wherever Grafana answers.
  const dashboards = pages.grafana === null ? [] : await dashboardsOf(pages.grafana).catch(() => [])
  const work = await mkdtemp(join(tmpdir(), 'lab-stills-'))
  const browser = await startChromium()
  const context = await browser.newContext(pageSettings)
  const opened = new Map<string, Promise<Page>>()
  const open = (frame: Frame) => {
    const page = opened.get(frame.id) ?? openPage(context, frame)
    opened.set(frame.id, page)
    return page
  }
  const taken: string[] = []
  const skipped: string[] = []
  const transcript = new Transcript()
  let shown: Frame[] = []
  const show = async (views: readonly string[]) => {
    const view = viewOf(chosen.get(views.join()) ?? '')
    const frame = view && frameOf(view, pages)
    shown = frame ? [frame] : []
    if (views.includes('grafana every')) shown = dashboards.flatMap((uid) => frameOf({ kind: 'grafana', words: [uid] }, pages) ?? [])
    // The lab's pages draw their charts from what happens while they are open.
    for (const one of shown) await open(one)
  }
  const take = async (name: string) => {
    if (shown.length === 0) skipped.push(name)
    for (const frame of shown) {
      const file = `${name.replace(/\/every$/, `/${dashboardName(frame.id)}`)}.png`
      await photograph(await open(frame), frame, join(work, 'large.png'))
      await shrink(work, 'large.png', 'small.png', null)
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await copyFile(join(work, 'small.png'), join(folder, file))
      taken.push(file)
      say(`  ${basename(folder)}/${file}`)
    }
  }
  const onEvent = async (event: DemoEvent) => {
    if (event.kind === 'show') await show(event.views)
    if (event.kind === 'still') await take(event.name)
    for (const line of transcript.add(event)) say(line)
  }
  try {
    const scene = storyScene(story.storyboard, { name: story.name, readingSeconds: () => 0 })
    const { verdict, text } = await playOn(lab, scene, { seed, onEvent, signal })
    return { taken, skipped, failure: verdict === 'passed' ? null : text }
  } finally {
    await browser.close()
    await rm(work, { recursive: true, force: true })
  }
}

const isOther = ({ id }: Frame) => id === 'traefik' || id.startsWith('grafana-')

async function openPage(context: BrowserContext, frame: Frame): Promise<Page> {
  const page = await context.newPage()
  await page.setViewportSize(isOther(frame) ? windows.other : windows.own)
  await page.goto(frame.url, { timeout: loadWithinMs })
  return page
}

async function photograph(page: Page, frame: Frame, path: string): Promise<void> {
  // A dashboard that refreshes itself may never be quiet, so that it is photographed at the time limit.
  if (isOther(frame)) await page.waitForLoadState('networkidle', { timeout: quietWithinMs }).catch(() => undefined)
  await page.screenshot({ path, fullPage: !isOther(frame) })
}

const found = z.array(z.object({ uid: z.string() }))

/** Returns the uids of the lab's dashboards. */
async function dashboardsOf(grafana: string): Promise<string[]> {
  const answer = await fetch(`${grafana}/api/search?type=dash-db&tag=websocket-lab`, { signal: AbortSignal.timeout(loadWithinMs) })
  return found.parse(await answer.json()).map(({ uid }) => uid)
}

/** Returns the name of a dashboard's file, for example `scaling` for the frame `grafana-lab-scaling`. */
export const dashboardName = (id: string): string => {
  const name = id.replace(/^grafana-(lab-)?/, '')
  return name === 'websocket-lab' ? 'start' : name
}
