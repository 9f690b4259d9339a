/**
 * Tests the test client page of an embedded lab in a real Chromium: measurements, fifty sockets, and a connection that is lost without a
 * close frame.
 */

import { lab } from '@lab/embedded/test/lab-process.ts'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from './lib/browser.ts'
import { type Relay, startRelay } from './lib/relay.ts'

/** The replicas' heartbeat interval, in milliseconds. */
const heartbeatMs = 10_000
const generous = { timeout: 30_000, interval: 100 }

describe.skipIf(!hasChromium)('the test client page', () => {
  let running: Awaited<ReturnType<typeof lab>>
  let relay: Relay
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    ;[running, browser] = await Promise.all([lab('--replicas', '3'), launch()])
    // The scaler is paused, because no replica may be removed during the tests.
    await fetch(`${running.page}/api/pause`, { method: 'POST', body: JSON.stringify({ paused: true }) })
    relay = await startRelay(Number(new URL(running.entry).port))
    page = await openPage(browser, `http://127.0.0.1:${relay.port}/`, complaints)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await relay?.end()
    await running?.end()
  }, 60_000)

  const text = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? ''
  const shows = (id: string, expected: RegExp, within = generous) => expect.poll(() => text(id), within).toMatch(expected)
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

  /** Checks that the page fits the window's width and does not scroll horizontally. */
  async function fits(): Promise<void> {
    for (const width of [320, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      expect([width, await faults(page)]).toEqual([width, []])
    }
  }

  test('measures the round trip continuously, and shows numbers and a chart', async () => {
    await expect.poll(() => page.locator('#rtt-line').getAttribute('d'), generous).toMatch(/^M[\d.,]+L/)
    await shows('rtt', /^\d+(\.\d)? ms$/)
    await shows('p95', /^\d+(\.\d)? ms$/)
    expect(await page.locator('#rtt-graph').getAttribute('aria-label')).toMatch(
      /^Of the last \d+, the shortest took .+ ms and the longest .+ ms$/,
    )
    await shows('version', /^v1\+/)
    await shows('colour', /^blue$/)
    // The messages that measure the round-trip time do not appear in the message list.
    expect(await text('log')).not.toContain('measure')
    await fits()
    await press('Measure')
    expect(await page.getByRole('button', { name: 'Measure', exact: true }).getAttribute('aria-pressed')).toBe('false')
    expect(await faults(page)).toEqual([])
    await shows('unanswered', /^0$/)
    await press('Measure')
  }, 90_000)

  test('shows the ages of session and connection, which differ after a reconnect', async () => {
    await shows('age', /^[5-9] s$|^\d\d+ s$/)
    await press('Cut the connection')
    await shows('reconnects', /^1 \/ 1$/)
    await shows('state-text', /^open$/)
    const seconds = async (id: string) => Number.parseInt(await text(id), 10)
    await expect.poll(async () => (await seconds('session-age')) - (await seconds('age')), generous).toBeGreaterThan(3)
  }, 60_000)

  test('opens fifty sockets, which the router distributes, and closes them', async () => {
    await press('Open 50 sockets')
    // A second click on the same button does not open another fifty sockets.
    await press('Open 50 sockets')
    await shows('clients-text', /^50 of 50 open$/, { timeout: 60_000, interval: 100 })
    const places = await page.locator('#clients li').allTextContents()
    expect(places).toHaveLength(3)
    for (const place of places) expect(place).toMatch(/^ws-\d1[0-9]$/)
    // The lab counts the fifty sockets and the page's own connection.
    await expect.poll(async () => (await running.state()).openThroughRouter, generous).toBe(51)
    await fits()
    await press('Open 50 sockets')
    await expect.poll(async () => (await running.state()).openThroughRouter, generous).toBe(51)
    await press('Close them')
    await shows('clients-text', /^none open$/)
    await expect.poll(async () => (await running.state()).openThroughRouter, generous).toBe(1)
    expect(await page.locator('#clients li').count()).toBe(0)
    await shows('state-text', /^open$/)
  }, 120_000)

  test('closing aborts the opening of sockets', async () => {
    await press('Open 50 sockets')
    await expect.poll(() => page.locator('#clients li').count(), generous).toBeGreaterThan(0)
    await press('Close them')
    await shows('clients-text', /^none open$/)
    await expect.poll(async () => (await running.state()).openThroughRouter, generous).toBe(1)
  }, 60_000)

  test.each([
    ['an interrupted network', async (gone: boolean) => relay.cut(gone)],
    ['a browser that is offline', (gone: boolean) => page.context().setOffline(gone)],
  ])(
    'detects a dead connection within two heartbeats, and reconnects: %s',
    async (_, cut) => {
      const found = Number(await text('half-open'))
      await cut(true)
      const began = performance.now()
      await shows('state-text', /^no frame for two heartbeat intervals: the connection is dead; /, {
        timeout: 2 * heartbeatMs + 2_000,
        interval: 100,
      })
      expect(performance.now() - began).toBeLessThan(2 * heartbeatMs + 1_000)
      expect(Number(await text('half-open'))).toBe(found + 1)
      expect(Number.parseInt(await text('heard'), 10)).toBeGreaterThan(heartbeatMs / 1000)
      await shows('log', /\(half_open\)/)
      await fits()
      await cut(false)
      await shows('state-text', /^open$/)
      await shows('heard', /^[0-3] s ago$/)
      expect(await faults(page)).toEqual([])
    },
    120_000,
  )

  test('logs no error and sends no request to other servers', () => {
    // While the connection is interrupted, Chromium itself logs failed connection attempts, so these errors are expected.
    expect(complaints.filter((line) => !/WebSocket connection to .* failed/.test(line))).toEqual([])
  })
})
