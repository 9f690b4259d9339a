/** Provides a real Chromium for the page tests. */
import { existsSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { type Browser, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', process.env.CHROMIUM_PATH ?? '']
const executablePath = places.find((path) => existsSync(path))

/** Whether Chromium is installed. Without Chromium, page tests are reported as skipped. */
export const hasChromium = executablePath !== undefined
if (!hasChromium) console.warn('Pages are not tested: no Chromium here. On Debian: apt-get install chromium; elsewhere: CHROMIUM_PATH')

/** Starts Chromium. @param more additional command-line switches for Chromium */
export function launch(...more: readonly string[]): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', ...more]
  return chromium.launch({ executablePath: executablePath ?? '', args })
}

/**
 * Opens a page in a separate browser context, with separate cookies.
 * @param complaints an array that collects logged errors, thrown errors, and requests to other origins
 */
export async function openPage(browser: Browser, url: string, complaints: string[]): Promise<Page> {
  const { origin } = new URL(url)
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const target = new URL(request.url())
    if (target.origin !== origin && target.protocol !== 'data:') complaints.push(`sends a request to ${request.url()}`)
  })
  await page.goto(url)
  return page
}

/** Returns the violations that axe finds on the page in its current state, one line each. */
export async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
