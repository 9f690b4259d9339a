/** The live page of the embedded lab in a real Chromium: one story, from idle to scaled up, drained, killed and scaled down. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenOf, isAlive, lab } from '../../embedded/test/lab-process.ts'
import { faults, hasChromium, launch, openPage } from './lib/browser.ts'

/** Twenty times as fast as a cluster: a decision every 0.75 s, scaling down after 6 s. */
const timeScale = '20'
const generous = { timeout: 60_000, interval: 100 }

describe.skipIf(!hasChromium)('the live page', () => {
  let running: Awaited<ReturnType<typeof lab>>
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    ;[running, browser] = await Promise.all([lab('--time-scale', timeScale), launch()])
    page = await openPage(browser, running.page, complaints)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await running?.end()
  }, 60_000)

  const text = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? ''
  const shows = (id: string, expected: string | RegExp) =>
    expect.poll(() => text(id), generous).toMatch(typeof expected === 'string' ? new RegExp(`^${expected}$`) : expected)
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const card = (id: string): Locator => page.locator(`#replicas li[data-id="${id}"]`)
  const cards = () =>
    page.locator('#replicas li').evaluateAll((items) => items.map((item) => (item as unknown as HTMLElementLike).dataset.id))

  async function setTarget(connections: string): Promise<void> {
    await page.getByLabel('Target: connections for each replica').fill(connections)
    await press('Set target')
  }

  /** Wider than the window means that one has to scroll sideways. */
  async function fits(): Promise<void> {
    for (const width of [320, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      expect([width, await faults(page)]).toEqual([width, []])
    }
  }

  test('idle: says what it is, and has no fault at any width, in light or dark', async () => {
    await shows('current', '2')
    await shows('words', /Staying at 2\.$/)
    expect(await page.locator('header').textContent()).toMatch(/embedded: no Traefik, Prometheus, Grafana/)
    expect(await text('stores')).toMatch(/^Stores: memory/)
    expect(await text('fills')).toMatch(/To move would cost a client its session\.$/)
    await fits()
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await faults(page)).toEqual([])
  }, 90_000)

  test('load 500: within 20 s there are 5 replicas, and the decision says why', async () => {
    const began = performance.now()
    await press('500 sockets')
    await shows('open', '500 of 500')
    await shows('current', '5')
    await shows('desired', '5')
    expect(performance.now() - began).toBeLessThan(20_000)
    await shows('events', /→ 5 replicas \(time compressed 20x\): Succeeded/)
    await shows('words', /^100 connections for each replica, target 100: asks for 5/)
    await expect.poll(async () => Number(await text('rate')), generous).toBeGreaterThan(50)
    await expect.poll(() => text('p95'), generous).toMatch(/ms$/)
    expect(await card('ws-1').locator('progress').getAttribute('value')).not.toBe('0')
    expect(await page.locator('#rate-line').getAttribute('d')).toMatch(/^M.+L/)
    await fits()
  }, 120_000)

  test('a drain by keyboard alone: the card says so, then goes, and its sockets are elsewhere', async () => {
    const button = card('ws-1').getByRole('button', { name: 'Drain ws-1' })
    await button.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => card('ws-1').getAttribute('data-state'), { timeout: 10_000, interval: 20 }).toBe('draining')
    expect(await faults(page)).toEqual([])
    await expect.poll(() => cards(), generous).not.toContain('ws-1')
    // The focus is not lost with the button.
    expect(await page.evaluate('document.activeElement.id')).toBe('replicas-title')
    await shows('open', '500 of 500')
    expect(await text('came-back-text')).toBe('began anew elsewhere')
    expect(Number(await text('came-back'))).toBeGreaterThan(0)
    await shows('events', /ws-1 has left/)
  }, 90_000)

  test('a kill: the card goes, the sockets come back, and the scaler makes up for it', async () => {
    await shows('current', '5')
    await press('Kill ws-2')
    await expect.poll(() => cards(), generous).not.toContain('ws-2')
    await shows('open', '500 of 500')
    await shows('events', /ws-2 is gone without being asked \(SIGKILL\)/)
    await shows('current', '5')
  }, 90_000)

  test('a replica that hangs is said not to answer, in word, shape and colour', async () => {
    const [pid] = await replicaPids()
    process.kill(pid, 'SIGSTOP')
    try {
      const silent = page.locator('#replicas li[data-state="silent"]')
      await expect.poll(() => silent.count(), generous).toBe(1)
      expect(await silent.textContent()).toContain('▲ not answering')
      expect(await faults(page)).toEqual([])
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGCONT')
    }
    await expect.poll(() => page.locator('#replicas li[data-state="silent"]').count(), generous).toBe(0)
  }, 90_000)

  test('paused, it decides and does nothing; the target is taken at once', async () => {
    await shows('current', '5')
    await press('Pause the scaler')
    await setTarget('80')
    await shows('words', /target 80: asks for 7.*Paused: would go to 7\.$/)
    expect(await text('current')).toBe('5')
    expect(await faults(page)).toEqual([])
    await press('Let the scaler go on')
    await shows('current', '7')
  }, 90_000)

  test('what is not allowed is said, and nothing changes', async () => {
    await setTarget('0')
    await shows('trouble', 'connections: allowed is a whole number from 1 to 10000')
    expect(await page.locator('#trouble').getAttribute('role')).toBe('alert')
    expect(await faults(page)).toEqual([])
    expect((await running.state()).scaler.targetConnections).toBe(80)
    // The browser itself says of a refused request that it was refused.
    const refusals = complaints.splice(0)
    expect(refusals).toEqual([expect.stringMatching(/400 \(Bad Request\)/)])
  }, 30_000)

  test('a higher target: it goes down again, one at a time, draining each', async () => {
    await setTarget('250')
    await shows('trouble', '')
    await shows('current', '2')
    await shows('open', '500 of 500')
    await shows('events', /3 → 2 replicas \(time compressed 20x\): Succeeded/)
    await press('None: no sockets')
    await shows('open', '0 of 0')
  }, 150_000)

  test('what is read out changes at most once a second, and nothing moves for who asks for that', async () => {
    await page.evaluate(`
      window.heard = []
      new MutationObserver(() => window.heard.push(performance.now())).observe(document.getElementById('words'), { childList: true })
    `)
    // Its words follow the load, which changes all the time.
    const loads = ['200 sockets', '500 sockets', 'None: no sockets']
    const heard = async () => (await page.evaluate('window.heard')) as number[]
    let turn = 0
    await expect
      .poll(
        async () => {
          await press(loads[turn++ % loads.length] ?? '')
          return (await heard()).length
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBeGreaterThan(4)
    const times = await heard()
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(990)
    expect(await page.evaluate(motionForEveryone)).toEqual([])
  }, 90_000)

  test('logged no error and asked nobody else', () => {
    expect(complaints).toEqual([])
  })

  test('says when the lab does not answer any more', async () => {
    running.process.kill('SIGINT')
    expect(await running.exited).toBe(0)
    await shows('trouble', 'The lab does not answer; trying again.')
    expect(await faults(page)).toEqual([])
  }, 60_000)

  /** Processes that hold the replicas: those of the lab's children that began last. */
  async function replicaPids(): Promise<[number, ...number[]]> {
    const later = (await childrenOf(running.process.pid)).filter((pid) => !running.family.includes(pid))
    const [first, ...others] = later
    if (first === undefined) throw new Error('the lab has started nobody since it began')
    return [first, ...others]
  }
})

interface HTMLElementLike {
  dataset: { id?: string }
}

/** Rules that move something, whatever a person asked for. */
const motionForEveryone = `[...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  .filter((rule) => !(rule instanceof CSSMediaRule && rule.conditionText.includes('no-preference')))
  .map((rule) => rule.cssText)
  .filter((text) => /transition|animation/.test(text))`
