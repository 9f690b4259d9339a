/**
 * Records the screen, a page in a separate instance of Chromium that shows one view at a time. Each captured image of the screen is stored
 * when it arrives, with the time at which Chromium captured it.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { viewOf } from '../core/storyboard.ts'
import { picture } from './ass.ts'
import { pageSettings, startChromium } from './browser.ts'
import { pageFile } from './server.ts'
import type { Frame } from './views.ts'

/**
 * Number of images captured per second. The capture rate is low, because recording shares the CPU with the lab, and the lab's pages change
 * only twice a second.
 */
const picturesPerSecond = 6
const jpegQuality = 85
/** Time in milliseconds from a measurement until the screen shows the measured value. */
const shownAfterMs = 700
const loadWithinMs = 30_000

export interface FilmingOptions {
  /** Address of the screen. */
  screen: string
  frames: readonly Frame[]
  /** Folder of the storyboard's diagrams. */
  diagrams: string
  /** Folder for the captured images and the stills. */
  folder: string
}

/** A captured image of the screen. `at` is a Unix time in milliseconds. */
export interface Picture {
  at: number
  file: string
}

/** The functions defined in page/screen.js. */
interface Screen {
  frame(id: string, url: string, zoom: number): void
  show(id: string): void
  diagram(svg: string, parts: readonly string[]): void
  terminal(command: string, lines: readonly string[]): void
  chapter(number: number, count: number, title: string): void
  notice(kind: string, text: string): void
  card(title: string | null, texts: readonly string[]): void
}

export class Filming {
  private readonly pictures: Picture[] = []
  private readonly stills = new Map<string, number>()
  private readonly troubles: string[] = []
  /** The queue of updates to the screen, which are executed one after another while the scene continues. */
  private work: Promise<void> = Promise.resolve()
  private readonly shots: Promise<void>[] = []
  private readonly browser: Browser
  private readonly page: Page
  private readonly folder: string
  private readonly diagrams: string

  /** Opens the screen and its pages. Recording begins when {@link roll} is called. */
  static async open(options: FilmingOptions): Promise<Filming> {
    const browser = await startChromium()
    try {
      const context = await browser.newContext({ viewport: { width: picture.width, height: picture.height }, ...pageSettings })
      const filming = new Filming(browser, await context.newPage(), options)
      await filming.prepare(context, options)
      return filming
    } catch (error) {
      await browser.close()
      throw error
    }
  }

  private constructor(browser: Browser, page: Page, { folder, diagrams }: FilmingOptions) {
    this.browser = browser
    this.page = page
    this.folder = folder
    this.diagrams = diagrams
  }

  /** Starts capturing images of the screen. */
  async roll(): Promise<void> {
    await this.page.screencast.start({
      size: { width: picture.width, height: picture.height },
      quality: jpegQuality,
      fps: picturesPerSecond,
      onFrame: async ({ data, timestamp }) => {
        const file = `picture-${String(this.pictures.length).padStart(6, '0')}.jpg`
        this.pictures.push({ at: timestamp, file })
        await writeFile(join(this.folder, file), data).catch((error: unknown) => this.trouble(error))
      },
    })
  }

  /** Shows a text card that covers everything except the captions; null hides the card. Resolves once the screen is up to date. */
  card(title: string | null, texts: readonly string[] = []): Promise<void> {
    this.call('card', title, texts)
    return this.work
  }

  chapter(number: number, count: number, title: string): void {
    this.call('chapter', number, count, title)
  }

  /** Shows for a moment what is done to the lab. */
  notice(kind: string, text: string): void {
    this.call('notice', kind, text)
  }

  /** Fills the screen with a view. Returns immediately, so that the scene continues. */
  show(text: string): void {
    const { kind, words = [] } = viewOf(text) ?? {}
    const [first = '', ...parts] = words
    if (kind === 'diagram') this.call('diagram', readFileSync(join(this.diagrams, first), 'utf8'), parts)
    else if (kind === 'grafana') this.call('show', `grafana-${first}`)
    else if (kind === 'page' || kind === 'charts') {
      this.later(async () => {
        await this.page.frame({ name: 'page' })?.evaluate(`document.body.dataset.focus = '${kind}'`)
      })
      this.call('show', 'page')
    } else this.call('show', kind ?? 'terminal')
  }

  /** Shows a command and its output. */
  terminal(command: string, lines: readonly string[]): void {
    this.call('terminal', command, lines)
  }

  /** Takes a still. If several stills have the same name, only the first is taken. */
  take(name: string): void {
    if (this.stills.has(name)) return
    this.stills.set(name, Date.now() + shownAfterMs)
    const shoot = async () => {
      await sleep(shownAfterMs)
      this.stills.set(name, Date.now())
      await this.page.screenshot({ path: join(this.folder, `${name}.png`) })
    }
    this.shots.push(shoot().catch((error: unknown) => this.trouble(error)))
  }

  /** Waits until all updates have been shown and all images have been stored, and then closes the browser. */
  async end(): Promise<{ pictures: Picture[]; stills: Map<string, number>; troubles: string[] }> {
    await this.work
    await Promise.all(this.shots)
    await this.page.screencast.stop()
    await this.browser.close()
    // The captured images are sorted by time, because they do not always arrive in the order in which they were captured.
    const pictures = this.pictures.toSorted((a, b) => a.at - b.at)
    return { pictures, stills: this.stills, troubles: this.troubles }
  }

  /** Closes the browser without waiting for pending page updates. */
  async abandon(): Promise<void> {
    await this.browser.close()
  }

  private async prepare(context: BrowserContext, { screen, frames }: FilmingOptions): Promise<void> {
    const own = new Set([screen, ...frames.map(({ url }) => url)].map((url) => new URL(url).origin))
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && protocol !== 'blob:' && !own.has(origin))
        this.troubles.push(`a page sent a request to another host: ${request.url()}`)
    })
    context.on('weberror', (error) => this.troubles.push(`an error in a page: ${error.error().message}`))
    for (const frame of frames) await framed(context, frame)
    this.page.setDefaultTimeout(loadWithinMs)
    await this.page.goto(screen)
    for (const { id, url, zoom } of frames) this.call('frame', id, url, zoom)
    await this.work
    for (const { id } of frames) await this.page.frameLocator(`#${id}`).locator('body *').first().waitFor({ state: 'attached' })
  }

  private call<K extends keyof Screen>(method: K, ...given: Parameters<Screen[K]>): void {
    this.later(async () => {
      await this.page.evaluate(
        ([name, args]) => (globalThis as unknown as { screen: Record<string, (...args: unknown[]) => void> }).screen[name]?.(...args),
        [method, given] as [string, unknown[]],
      )
    })
  }

  private later(step: () => Promise<void>): void {
    this.work = this.work.then(step).catch((error: unknown) => this.trouble(error))
  }

  private trouble(error: unknown): void {
    this.troubles.push(`filming: ${String(error).split('\n')[0]}`)
  }
}

/**
 * Allows a page to be shown in a frame, and optionally adds a style sheet that makes the page fit the screen. The security headers of the
 * lab's pages forbid frames, so they are removed from the response.
 */
async function framed(context: BrowserContext, { url: page, style }: Frame): Promise<void> {
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
