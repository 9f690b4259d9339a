/** Tests the instructor's page of the workshop in a real Chromium, with twenty labs that report their progress. */
import { createRoomApi } from '@lab/cli/workshop/host/api.ts'
import { Room } from '@lab/cli/workshop/host/room.ts'
import { steps } from '@lab/cli/workshop/steps.ts'
import { type LabProgress, workshopBounds, workshopPaths } from '@lab/contract/workshop-api.ts'
import { servePage } from '@lab/live/api.ts'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from './lib/browser.ts'

const generous = { timeout: 60_000, interval: 100 }
const criteria = 3

/** The learners of the room; the number of each learner is also the number of steps that the learner has done, at most all. */
const learners = Array.from({ length: 20 }, (_, i) => `Learner ${i}`)

/** A lab that has done the given number of steps and, of the next step, two of three criteria. */
function progressOf(name: string, done: number, change: Partial<LabProgress> = {}): LabProgress {
  const key = `00000000-0000-4000-8000-${String(learners.indexOf(name) + 1).padStart(12, '0')}`
  const met = (i: number) => (i < done ? criteria : i === done ? 2 : 0)
  return {
    name,
    key,
    kind: 'compose',
    steps: steps.map(({ number }, i) => ({ step: number, met: met(i), of: criteria })),
    missing: 'the scaler scaled up to at least 4 replicas: up to 3',
    ...change,
  }
}

describe.skipIf(!hasChromium)("the instructor's page", () => {
  let browser: Browser
  let page: Page
  let server: Awaited<ReturnType<typeof servePage>>
  const complaints: string[] = []
  /** Time on the server's clock, which only the tests advance. Milliseconds. */
  let nowMs = 0

  const report = async (progress: LabProgress) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${workshopPaths.progress}`, {
      method: 'POST',
      body: JSON.stringify(progress),
    })
    expect([answer.status, await answer.text()]).toEqual([200, '{"ok":true}'])
  }
  const row = (name: string) => page.locator(`#list > li[data-name="${name}"]`)
  const names = () => page.locator('#list h3 b').allTextContents()
  const text = (selector: string) => page.locator(selector).textContent()

  /** Checks that the page fits the window's width and does not scroll horizontally. */
  async function fits(): Promise<void> {
    for (const width of [320, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      expect([width, await faults(page)]).toEqual([width, []])
    }
  }

  beforeAll(async () => {
    const app = createRoomApi(new Room(), 'http://192.0.2.1:8095', [], () => nowMs)
    ;[server, browser] = await Promise.all([servePage(app, 0), launch()])
    page = await openPage(browser, `http://127.0.0.1:${server.port}/`, complaints)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    server?.close()
  }, 60_000)

  test('before the first report: the page says how learners join', async () => {
    expect(await text('header')).toContain('./lab workshop join http://192.0.2.1:8095 NAME')
    await expect.poll(() => page.locator('#empty').isVisible(), generous).toBe(true)
    expect(await page.locator('#steps li').count()).toBe(steps.length)
    await fits()
  }, 90_000)

  test('twenty labs by step: each lab has a row, and each step shows how many labs have done it', async () => {
    await Promise.all(learners.map((name, i) => report(progressOf(name, Math.min(i, steps.length)))))
    await expect.poll(() => text('#labs'), generous).toBe('20')
    expect(await names()).toEqual(learners)
    expect(await row('Learner 4').locator('h3').textContent()).toBe('Learner 44 of 13 steps done')
    const cells = row('Learner 4').locator('.cells li')
    expect(await cells.count()).toBe(steps.length)
    expect(await cells.nth(3).textContent()).toBe('✓Step 4, First surge: done')
    expect(await cells.nth(4).textContent()).toBe('2/3Step 5, Why CPU is the wrong signal: 2 of 3 criteria are met')
    expect(await cells.nth(5).textContent()).toBe('6Step 6, Behaviour policies: not begun')
    expect(await row('Learner 4').locator('.missing').textContent()).toContain('up to 3')
    expect(await page.locator('#steps li b').first().textContent()).toBe('19 of 20')
    expect(await page.locator('#steps li b').last().textContent()).toBe('7 of 20')
    expect(await text('#median')).toBe('9')
    await fits()
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await faults(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
  }, 120_000)

  test('on a small screen, the thirteen steps of a lab are in one line, and buttons are at least 24 px high', async () => {
    await page.setViewportSize({ width: 320, height: 900 })
    const tops = await row('Learner 4')
      .locator('.cells li')
      .evaluateAll((cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().top)))
    expect(new Set(tops).size).toBe(1)
    for (const button of await page.getByRole('button').all()) expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(24)
  }, 60_000)

  test('by keyboard: the order changes to the fewest steps first, and the focus stays', async () => {
    nowMs += 1_000
    await report(progressOf('Learner 19', 13))
    await page.getByRole('button', { name: 'Fewest steps first' }).focus()
    await page.keyboard.press('Enter')
    expect((await names())[0]).toBe('Learner 0')
    expect((await names()).slice(-3)).toContain('Learner 19')
    expect(await page.evaluate('document.activeElement.id')).toBe('by-progress')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    expect(await names()).toEqual(learners)
  }, 60_000)

  test('labs without Docker, labs that do not run, and labs that stopped reporting differ by words', async () => {
    nowMs += workshopBounds.staleSeconds * 1000 + 5_000
    const possible = steps.filter(({ withoutDocker }) => withoutDocker).map(({ number }) => ({ step: number, met: 0, of: criteria }))
    await report(progressOf('Learner 0', 0, { kind: 'embedded', steps: possible, missing: '' }))
    await report(progressOf('Learner 5', 5, { kind: null, steps: [], missing: 'no lab is running' }))
    await expect.poll(() => text('#silent'), generous).toBe('18')
    expect(await row('Learner 1').textContent()).toContain('▲ silent for 51 s · 1 of 13 steps done')
    await expect.poll(() => text('#stopped'), generous).toBe('1')
    expect(await row('Learner 0').locator('h3').textContent()).toContain('without Docker')
    expect(await row('Learner 0').locator('.cells li[data-state="impossible"]').count()).toBe(steps.length - possible.length)
    // A lab that is not running keeps the steps that were done.
    expect(await row('Learner 5').textContent()).toContain('▲ no running lab · 5 of 13 steps done')
    expect(await row('Learner 5').locator('.missing').textContent()).toBe('no lab is running')
    await fits()
  }, 120_000)

  test('logs no error, sends no request to other servers, and reports a server that does not answer', async () => {
    expect(complaints).toEqual([])
    server.close()
    await expect.poll(() => text('#trouble'), generous).toBe('The server of this page does not answer; trying again.')
    expect(await faults(page)).toEqual([])
  }, 90_000)
})
