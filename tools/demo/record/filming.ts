/**
 * Records a page in a separate instance of Chromium. The recorded page shows the scene's events, and each captured image of the page is
 * stored when it arrives.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { DemoEvent, StillName } from '../core/events.ts'
import { picture } from './ass.ts'
import { pageFile } from './server.ts'
import { chromiumPath } from './tools.ts'

/**
 * Number of images captured per second. The capture rate is low, because recording shares the CPU with the lab, and the lab's pages change
 * only twice a second.
 */
const picturesPerSecond = 8
const jpegQuality = 90
/** Time in milliseconds from a measurement until the recorded page shows the measured value. */
const shownAfterMs = 700
const loadWithinMs = 30_000

export interface FilmedPages {
  /** Address of the page to be recorded. The recorded page shows the `live` and `client` pages in frames. */
  recording: string
  live: string
  /** Selector of an element that must exist on the `live` page before recording begins. */
  liveReady: string
  /** Name of a style sheet that makes the `live` page more compact; null leaves the page unchanged. */
  liveStyle: string | null
  client: string
}

/** A captured image of the recorded page. `at` is a Unix time in milliseconds. */
export interface Picture {
  at: number
  file: string
}

/** The functions defined in page/recording.js. */
interface RecordingPage {
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
  /** The queue of updates to the recorded page, which are executed one after another while the scene continues. */
  private work: Promise<void> = Promise.resolve()
  private readonly shots: Promise<void>[] = []
  private readonly browser: Browser
  private readonly page: Page
  private readonly folder: string

  /**
   * Opens the pages. Recording begins when {@link roll} is called.
   * @param folder folder for the captured images and the stills
   */
  static async open(pages: FilmedPages, folder: string): Promise<Filming> {
    // By default, Chromium treats intercepted pages as public and blocks their requests to the local network.
    const features = '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--hide-scrollbars', features]
    const browser = await chromium.launch({ executablePath: chromiumPath() ?? '', args })
    try {
      const viewport = { width: picture.width, height: picture.height }
      // All recorded pages show times in UTC, like the clock in the video's title bar.
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

  /** Starts capturing images of the recorded page. */
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

  /** Shows a text card that covers everything except the captions; null hides the card. Resolves once the recorded page is up to date. */
  card(title: string | null, texts: readonly string[] = []): Promise<void> {
    this.call('card', title, texts)
    return this.work
  }

  /** Queues an event for display on the recorded page, and returns immediately so that the scene continues. */
  showEvent(event: DemoEvent, lines: readonly string[]): void {
    if (event.kind === 'scene') this.call('scene', event.name, event.title, event.timeScale)
    if (event.kind === 'chapter') this.call('chapter', event.title)
    if (event.kind === 'still') this.take(event.name)
    const shown = lines.filter((line) => line !== '')
    if (shown.length > 0) this.call('lines', event.kind, shown)
  }

  /** Waits until all updates have been shown and all images have been stored, and then closes the browser. */
  async end(): Promise<{ pictures: Picture[]; stills: Map<StillName, number>; troubles: string[] }> {
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

  private async prepare(context: BrowserContext, { recording, live, liveReady, liveStyle, client }: FilmedPages): Promise<void> {
    const own = new Set([recording, live, client].map((url) => new URL(url).origin))
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && !own.has(origin)) this.troubles.push(`a page sent a request to another host: ${request.url()}`)
    })
    context.on('weberror', (error) => this.troubles.push(`an error in a page: ${error.error().message}`))
    await framed(context, live, liveStyle)
    await framed(context, client, 'compact-client.css')
    this.page.setDefaultTimeout(loadWithinMs)
    // Each page's HTTP status is checked, because otherwise an error page might be recorded.
    for (const page of [live, client]) {
      const status = (await context.request.get(page, { timeout: loadWithinMs })).status()
      if (status >= 400) throw new Error(`${page} cannot be filmed: it answers with HTTP ${status}`)
    }
    await this.page.goto(recording)
    this.call('show', { live, client })
    await this.work
    await this.page.frameLocator('#live').locator(liveReady).first().waitFor({ state: 'attached' })
    await this.page.frameLocator('#client').locator('[data-state="open"]').waitFor()
  }

  private call<K extends keyof RecordingPage>(method: K, ...given: Parameters<RecordingPage[K]>): void {
    this.later(async () => {
      await this.page.evaluate(
        ([name, args]) => (globalThis as unknown as { recording: Record<string, (...args: unknown[]) => void> }).recording[name]?.(...args),
        [method, given] as [string, unknown[]],
      )
    })
  }

  /** Takes a still. If several stills have the same name, only the first is taken. */
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

/**
 * Allows a page to be shown in a frame, and optionally adds a style sheet that makes the page more compact. The security headers of the
 * lab's pages forbid frames, so they are removed from the response.
 */
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
