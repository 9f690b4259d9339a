/** The page that is filmed, in a Chromium of its own: told what happens, and its pictures kept as they come. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { DemoEvent, StillName } from '../core/events.ts'
import { picture } from './ass.ts'
import { pageFile } from './server.ts'
import { chromiumPath } from './tools.ts'

/** Pictures a second. The lab's pages change twice a second, and the machine is the lab's, too. */
const picturesPerSecond = 8
const jpegQuality = 90
/** A page tells what was measured half a second ago. Milliseconds. */
const shownAfterMs = 700
const loadWithinMs = 30_000

export interface FilmedPages {
  /** The page that is filmed, and the two that are in it. */
  stage: string
  live: string
  /** What of it must be there before the film begins: a selector. */
  liveReady: string
  /** A file of ours that makes it smaller; null: as it is. */
  liveStyle: string | null
  client: string
}

/** A picture of the recording. Unix milliseconds. */
export interface Picture {
  at: number
  file: string
}

interface Stage {
  show(pages: { live: string; client: string }): void
  scene(name: string, title: string, timeScale: number): void
  chapter(text: string): void
  lines(kind: string, texts: readonly string[]): void
  card(title: string | null, texts: readonly string[]): void
}

export class Filming {
  private readonly pictures: Picture[] = []
  private readonly stills = new Map<StillName, number>()
  private readonly troubles: string[] = []
  /** What is under way, one thing after the other; nobody waits for it before the end. */
  private work: Promise<void> = Promise.resolve()
  private readonly shots: Promise<void>[] = []
  private readonly browser: Browser
  private readonly page: Page
  private readonly folder: string

  /**
   * Opens the pages; the pictures begin with {@link roll}.
   * @param folder for pictures and stills
   */
  static async open(pages: FilmedPages, folder: string): Promise<Filming> {
    // Pages that we hand on count as pages from far away, which may not speak to this machine.
    const features = '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--hide-scrollbars', features]
    const browser = await chromium.launch({ executablePath: chromiumPath() ?? '', args })
    try {
      const viewport = { width: picture.width, height: picture.height }
      // The pages' times of day are those of the bar.
      const context = await browser.newContext({ viewport, colorScheme: 'dark', locale: 'en-GB', timezoneId: 'UTC' })
      const filming = new Filming(browser, await context.newPage(), folder)
      await filming.prepare(context, pages)
      return filming
    } catch (error) {
      await browser.close()
      throw error
    }
  }

  private constructor(browser: Browser, page: Page, folder: string) {
    this.browser = browser
    this.page = page
    this.folder = folder
  }

  /** Begins to keep pictures. */
  async roll(): Promise<void> {
    await this.page.screencast.start({
      size: { width: picture.width, height: picture.height },
      quality: jpegQuality,
      fps: picturesPerSecond,
      onFrame: async ({ data, timestamp }) => {
        const file = `picture-${String(this.pictures.length).padStart(6, '0')}.jpg`
        this.pictures.push({ at: timestamp, file })
        await writeFile(join(this.folder, file), data)
      },
    })
  }

  /** A text over everything but the captions; null takes it away. Resolves when it is shown. */
  card(title: string | null, texts: readonly string[] = []): Promise<void> {
    this.tell('card', title, texts)
    return this.work
  }

  /** Shows what happened. Does not wait: the scene goes on. */
  tellEvent(event: DemoEvent, lines: readonly string[]): void {
    if (event.kind === 'scene') this.tell('scene', event.name, event.title, event.timeScale)
    if (event.kind === 'chapter') this.tell('chapter', event.title)
    if (event.kind === 'still') this.take(event.name)
    const shown = lines.filter((line) => line !== '')
    if (shown.length > 0) this.tell('lines', event.kind, shown)
  }

  /** Waits until everything was shown and kept, and ends the browser. */
  async end(): Promise<{ pictures: Picture[]; stills: Map<StillName, number>; troubles: string[] }> {
    await this.work
    await Promise.all(this.shots)
    await this.page.screencast.stop()
    await this.browser.close()
    // They do not always come in the order in which they were taken.
    const pictures = this.pictures.toSorted((a, b) => a.at - b.at)
    return { pictures, stills: this.stills, troubles: this.troubles }
  }

  /** Ends the browser, whatever is under way. */
  async abandon(): Promise<void> {
    await this.browser.close()
  }

  private async prepare(context: BrowserContext, { stage, live, liveReady, liveStyle, client }: FilmedPages): Promise<void> {
    const own = new Set([stage, live, client].map((url) => new URL(url).origin))
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && !own.has(origin)) this.troubles.push(`a page asks somebody else: ${request.url()}`)
    })
    context.on('weberror', (error) => this.troubles.push(`a page fails: ${error.error().message}`))
    await framed(context, live, liveStyle)
    await framed(context, client, 'compact-client.css')
    this.page.setDefaultTimeout(loadWithinMs)
    // An error's page would be filmed like any other.
    for (const page of [live, client]) {
      const status = (await context.request.get(page, { timeout: loadWithinMs })).status()
      if (status >= 400) throw new Error(`${page} cannot be filmed: it answers with HTTP ${status}`)
    }
    await this.page.goto(stage)
    this.tell('show', { live, client })
    await this.work
    await this.page.frameLocator('#live').locator(liveReady).first().waitFor({ state: 'attached' })
    await this.page.frameLocator('#client').locator('[data-state="open"]').waitFor()
  }

  private tell<K extends keyof Stage>(method: K, ...given: Parameters<Stage[K]>): void {
    this.later(async () => {
      await this.page.evaluate(
        ([name, args]) => (globalThis as unknown as { stage: Record<string, (...args: unknown[]) => void> }).stage[name]?.(...args),
        [method, given] as [string, unknown[]],
      )
    })
  }

  /** A still of each name, of the first time. */
  private take(name: StillName): void {
    if (this.stills.has(name)) return
    this.stills.set(name, Date.now() + shownAfterMs)
    const shoot = async () => {
      await sleep(shownAfterMs)
      this.stills.set(name, Date.now())
      await this.page.screenshot({ path: join(this.folder, `${name}.png`) })
    }
    this.shots.push(shoot().catch((error: unknown) => this.trouble(error)))
  }

  private later(step: () => Promise<void>): void {
    this.work = this.work.then(step).catch((error: unknown) => this.trouble(error))
  }

  private trouble(error: unknown): void {
    this.troubles.push(`filming: ${String(error).split('\n')[0]}`)
  }
}

/** Lets a page stand in ours, with less around it where there is a style for that. Its own rules would not have it in a frame, for good reasons. */
async function framed(context: BrowserContext, page: string, style: string | null): Promise<void> {
  const { origin, pathname } = new URL(page)
  const added = style === null ? '' : `<style>${pageFile(style)}</style>`
  const isIt = (url: URL) => url.origin === origin && url.pathname === pathname
  await context.route(isIt, async (route) => {
    const response = await route.fetch()
    const headers = response.headers()
    delete headers['content-security-policy']
    delete headers['x-frame-options']
    await route.fulfill({ response, headers, body: (await response.text()).replace('</head>', `${added}</head>`) })
  })
}
