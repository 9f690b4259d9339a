/** A real Chromium for the tests of pages. */
import { existsSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { type Browser, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', process.env.CHROMIUM_PATH ?? '']
const executablePath = places.find((path) => existsSync(path))

/** Whether there is a Chromium here; where there is none, tests of pages are skipped and say so. */
export const hasChromium = executablePath !== undefined
if (!hasChromium) console.warn('Pages are not tested: no Chromium here. On Debian: apt-get install chromium; elsewhere: CHROMIUM_PATH')

export function launch(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  return chromium.launch({ executablePath: executablePath ?? '', args })
}

/**
 * A page of its own person, with its own cookies.
 * @param complaints gets what it logs as an error, what it throws, and each request to anybody but its own origin
 */
export async function openPage(browser: Browser, url: string, complaints: string[]): Promise<Page> {
  const { origin } = new URL(url)
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const asked = new URL(request.url())
    if (asked.origin !== origin && asked.protocol !== 'data:') complaints.push(`asks ${request.url()}`)
  })
  await page.goto(url)
  return page
}

/** What axe finds wrong with the page as it is now: one line per fault. */
export async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
