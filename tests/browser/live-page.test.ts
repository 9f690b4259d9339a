/**
 * Tests the embedded lab's live page in a real Chromium: while the lab is idle, after a scale-up, a drain and a kill, and after a
 * scale-down. The tests must run in the order in which they are written, because each test continues from the state that the previous one
 * left behind.
 */

import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import { childrenOf, isAlive, lab } from '@lab/embedded/test/lab-process.ts'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from './lib/browser.ts'

/**
 * Makes the scaler run twenty times as fast as in a Kubernetes cluster: it decides every 0.75 s, and scales down once the load has been low
 * for 6 s.
 */
const timeScale = '20'
const generous = { timeout: 60_000, interval: 100 }

describe.skipIf(!hasChromium)('the live page', () => {
  let running: Awaited<ReturnType<typeof lab>>
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    ;[running, browser] = await Promise.all([lab('--time-scale', timeScale, '--valkey', 'none'), launch()])
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
    await page.getByLabel('Target: sockets per replica').fill(connections)
    await press('Set target')
  }

  /** Checks that the page fits the window's width and does not scroll horizontally. */
  async function fits(): Promise<void> {
    for (const width of [320, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      expect([width, await faults(page)]).toEqual([width, []])
    }
  }

  test('idle: the page explains itself, is accessible in light and dark mode, and fits every width', async () => {
    await shows('current', '2')
    await shows('words', /Staying at 2\.$/)
    await shows('about', /^Without Docker: .* 20 times shorter than in a cluster\.$/)
    await shows('guide', /^Press the button “500 sockets”/)
    // Only the “500 sockets” button is highlighted.
    const buttons = (await page.evaluate(
      `[...document.querySelectorAll('#presets button')].map((button) => [button.textContent, getComputedStyle(button).backgroundColor])`,
    )) as [string, string][]
    expect(buttons.filter(([, colour]) => colour !== buttons[0]?.[1]).map(([name]) => name)).toEqual(['500 sockets'])
    await fits()
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await faults(page)).toEqual([])
  }, 90_000)

  test('buttons and fields are at least 24 px wide and high, also on a small screen', async () => {
    await page.setViewportSize({ width: 320, height: 900 })
    const small = await page.evaluate(`[...document.querySelectorAll('a, button, input')]
      .filter((element) => element.offsetParent !== null)
      .map((element) => [element.id || element.textContent, element.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 24 || height < 24)
      .map(([name]) => name)`)
    expect(small).toEqual([])
  })

  test('the page shows the entry, with a link to the test client page', async () => {
    expect(await page.locator('.entry').textContent()).toMatch(/Router/)
    expect(await page.locator('#entry').getAttribute('href')).toBe(running.entry)
  })

  test('load 500: within 20 s there are 5 replicas, and the decision shows the formula', async () => {
    const began = performance.now()
    await press('500 sockets')
    // If a replica has more sockets than the target, the page marks the number of sockets with the colour red, a word and a symbol.
    await expect.poll(() => page.locator('#level').getAttribute('data-level'), { ...generous, interval: 20 }).toBe('above')
    expect(await card('ws-1').locator('.held').textContent()).toMatch(/▲ \d+ above/)
    await shows('open', '500 of 500')
    await shows('current', '5')
    await shows('desired', '5')
    expect(performance.now() - began).toBeLessThan(20_000)
    await shows('events', /→ 5 replicas \(time compressed 20x\): Succeeded/)
    await shows('words', /^\d+ sockets \/ 5 replicas = [\d.]+ per replica; target 100 → 5 replicas/)
    await expect.poll(async () => Number(await text('rate')), generous).toBeGreaterThan(50)
    await expect.poll(() => text('p95'), generous).toMatch(/m?s$/)
    expect(await page.locator('#rate-line').getAttribute('d')).toMatch(/^M.+L/)
    await fits()
  }, 120_000)

  test('the bars are to scale: the target is at the same position in each bar, and the length is proportional to the sockets', async () => {
    const measured = await page.evaluate(`[...document.querySelectorAll('#replicas li')].map((row) => {
      const bar = row.querySelector('.bar'), { left, width } = bar.getBoundingClientRect()
      const fill = ['::before', '::after'].reduce((sum, part) => sum + parseFloat(getComputedStyle(bar, part).width), 0)
      const target = row.querySelector('.bar i').getBoundingClientRect()
      const sockets = Number(row.querySelector('.held b').textContent.replace(',', ''))
      return { target: target.left + 1, share: fill / width, sockets, scale: (target.left + 1 - left) / width }
    })`)
    const rows = measured as { target: number; share: number; sockets: number; scale: number }[]
    expect(rows.length).toBeGreaterThanOrEqual(5)
    for (const { target, share, sockets, scale } of rows) {
      expect(target).toBeCloseTo(rows[0]?.target ?? 0, 0)
      // While a bar is being animated, its length may differ from its final length by up to a tenth of the full width.
      expect(Math.abs(share - (sockets / 100) * scale)).toBeLessThan(0.1)
    }
  })

  test('charts have axes with units, and time marks', async () => {
    for (const chart of await page.locator('#charts figure').all()) {
      const marks = await chart.locator('.labels text').allTextContents()
      expect(marks).toEqual(expect.arrayContaining(['−2 min', '−1 min', 'now']))
      expect(marks).toHaveLength(6)
    }
    const latency = await page.locator('#charts figure').last().locator('.labels text').allTextContents()
    expect(latency.slice(1, 3)).toEqual([expect.stringMatching(/\d\sm?s$/), expect.stringMatching(/\d\sm?s$/)])
  })

  test('a drain by keyboard: the card shows the drain, then disappears, and its sockets are on other replicas', async () => {
    const button = card('ws-1').getByRole('button', { name: 'Drain ws-1' })
    await button.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => card('ws-1').getAttribute('data-state'), { timeout: 10_000, interval: 20 }).toBe('draining')
    expect(await faults(page)).toEqual([])
    await expect.poll(() => cards(), generous).not.toContain('ws-1')
    // When the focused button disappears, focus moves to a heading.
    expect(await page.evaluate('document.activeElement.id')).toBe('replicas-title')
    await shows('open', '500 of 500')
    expect(Number((await text('came-back')).replace(',', ''))).toBeGreaterThan(0)
    await shows('events', /ws-1 has left/)
  }, 90_000)

  test('a kill: the card disappears, the sockets reconnect, and the scaler starts another replica', async () => {
    await shows('current', '5')
    await press('Kill ws-2')
    await expect.poll(() => cards(), generous).not.toContain('ws-2')
    await shows('open', '500 of 500')
    await shows('events', /ws-2 is killed, as by a crash/)
    await shows('current', '5')
  }, 90_000)

  test('a hanging replica is marked with a word, a shape and a colour', async () => {
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

  test('a paused scaler decides without acting; a new target takes effect at once', async () => {
    await shows('current', '5')
    await press('Pause the scaler')
    await setTarget('80')
    await shows('words', /target 80 → 7 replicas.*Paused: would scale from 5 to 7\.$/)
    expect(await text('current')).toBe('5')
    expect(await faults(page)).toEqual([])
    await press('Resume the scaler')
    await shows('current', '7')
  }, 90_000)

  test('two pages show the same target and load', async () => {
    const other = await openPage(browser, running.page, complaints)
    const target = other.getByLabel('Target: sockets per replica')
    await expect.poll(() => target.inputValue(), generous).toBe('80')
    await setTarget('85')
    await expect.poll(() => target.inputValue(), generous).toBe('85')
    await target.fill('80')
    await target.press('Enter')
    await expect.poll(() => page.getByLabel('Target: sockets per replica').inputValue(), generous).toBe('80')
    // A second page changes the target back to 80 before the server next sends its state to the first page.
    const accepted = page.waitForResponse((response) => new URL(response.url()).pathname === embeddedPaths.target)
    await setTarget('85')
    await accepted
    await other.request.post(new URL(embeddedPaths.target, running.page).href, { data: { connections: 80 } })
    await expect.poll(() => page.getByLabel('Target: sockets per replica').inputValue(), generous).toBe('80')
    await expect.poll(() => other.locator('#load').inputValue(), generous).toBe('500')
    await other.context().close()
  }, 300_000)

  test('replicas are ordered by number', async () => {
    const numbers = (await cards()).map((id) => Number(id?.replace('ws-', '')))
    expect(numbers.length).toBeGreaterThanOrEqual(7)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  })

  test('an invalid value shows an error next to its field, and changes nothing', async () => {
    await setTarget('0')
    await shows('target-error', '0 is not allowed: a whole number from 1 to 10,000\\. The target is still 80\\.')
    expect(await page.locator('#target-error').getAttribute('role')).toBe('alert')
    expect(await page.getByLabel('Target: sockets per replica').getAttribute('aria-describedby')).toBe('target-error')
    const [field, error] = await Promise.all(['#target', '#target-error'].map((id) => page.locator(id).boundingBox()))
    expect(Math.abs((error?.y ?? 0) - (field?.y ?? 0))).toBeLessThan(120)
    // Once the server has rejected the new target, the input field shows the current target again.
    expect(await page.getByLabel('Target: sockets per replica').inputValue()).toBe('80')
    expect(await faults(page)).toEqual([])
    expect((await running.state()).scaler.targetConnections).toBe(80)
    // Chromium itself logs an error for each rejected request, so these errors are expected.
    const refusals = complaints.splice(0)
    expect(refusals).toEqual([expect.stringMatching(/400 \(Bad Request\)/)])
  }, 30_000)

  test('with a higher target, replicas are drained and removed one at a time', async () => {
    await setTarget('250')
    await shows('target-error', '')
    await shows('current', '2')
    await shows('open', '500 of 500')
    await shows('events', /3 → 2 replicas \(time compressed 20x\): Succeeded/)
    await press('None: no sockets')
    await shows('open', '0 of 0')
  }, 150_000)

  test('a rollout: the page announces it, each replica shows its version, and a version that fails changes nothing', async () => {
    const versions = () =>
      page
        .locator('#replicas .more')
        .evaluateAll((lines) => lines.map((line) => /version (v\d+)\+\w+ · blue ·/.exec(line.textContent)?.[1]))
    await expect.poll(versions, generous).toEqual(['v1', 'v1'])
    await press('Roll out a new version')
    await shows('rollout', /^A rollout to v2 is under way: \d old replicas? (is|are) left\.$/)
    expect(await page.getByRole('button', { name: 'Roll out a new version' }).getAttribute('aria-disabled')).toBe('true')
    await fits()
    await page.emulateMedia({ colorScheme: 'light' })
    await fits()
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(versions, generous).toEqual(['v2', 'v2'])
    await shows('rollout', '')
    await press('Roll out a version that fails')
    await shows('events', /rollback is complete: every replica is of v2/)
    await shows('events', /rollout to v3 failed: ws-\d+ ended at start/)
    expect(await versions()).toEqual(['v2', 'v2'])
  }, 150_000)

  test('the live region changes at most once a second, and prefers-reduced-motion disables animations', async () => {
    await page.evaluate(`
      window.heard = []
      new MutationObserver(() => window.heard.push(performance.now())).observe(document.getElementById('words'), { childList: true })
    `)
    // The text that the page announces contains the number of open sockets, which changes constantly.
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

  test('the page logged no error and sent no request to other servers', () => {
    expect(complaints).toEqual([])
  })

  test('the page reports that the lab no longer answers', async () => {
    running.process.kill('SIGINT')
    expect(await running.exited).toBe(0)
    await shows('trouble', 'The lab does not answer; trying again.')
    expect(await faults(page)).toEqual([])
  }, 60_000)

  /** Returns the replicas' process ids; the replicas are the child processes that the lab started last. */
  async function replicaPids(): Promise<[number, ...number[]]> {
    const later = (await childrenOf(running.process.pid)).filter((pid) => !running.family.includes(pid))
    const [first, ...others] = later
    if (first === undefined) throw new Error('the lab has started no replica')
    return [first, ...others]
  }
})

interface HTMLElementLike {
  dataset: { id?: string }
}

/** CSS rules with animations that ignore prefers-reduced-motion. */
const motionForEveryone = `[...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  .filter((rule) => !(rule instanceof CSSMediaRule && rule.conditionText.includes('no-preference')))
  .map((rule) => rule.cssText)
  .filter((text) => /transition|animation/.test(text))`
