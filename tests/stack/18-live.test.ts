/** Tests the Compose lab's live page, which queries Prometheus, generates load, and refuses requests from other pages. */
import { embeddedPaths, type LiveSnapshot } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import { replicaName } from '@lab/host/replicas.ts'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from '../browser/lib/browser.ts'
import { containers, url } from './lib/stack.ts'

const stack = inject('stack')
const { origin } = new URL(url(stack, 'LIVE_PORT'))
const state = async () => (await (await fetch(origin + embeddedPaths.state)).json()) as LiveSnapshot
const order = (sockets: number) => fetch(origin + embeddedPaths.load, { method: 'POST', body: JSON.stringify({ sockets }) })
const generous = { timeout: 60_000, interval: 500 }

afterAll(() => order(0))

test('lists the replicas by number, and reports that no scaler is running', async () => {
  const names = (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
  const ready = names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => `${name} ready`)
  await expect.poll(async () => (await state()).replicas.map(({ id, state }) => `${id} ${state}`), generous).toEqual(ready)
  expect(await state()).toMatchObject({ mode: 'compose', shared: true, storeUp: true, scaler: null })
}, 90_000)

test('a load request opens sockets through Traefik, which Prometheus counts', async () => {
  expect((await order(60)).status).toBe(200)
  await expect.poll(async () => (await state()).load.open, generous).toBe(60)
  await expect.poll(async () => (await state()).openThroughRouter, generous).toBeGreaterThanOrEqual(60)
  expect((await state()).load.lost).toBe(0)
}, 130_000)

test('requests that need Docker are refused', async () => {
  const answer = await fetch(origin + embeddedPaths.kill, { method: 'POST', body: JSON.stringify({ id: 'ws-1' }) })
  expect(answer.status).toBe(404)
})

test('a request of another page is refused', async () => {
  const headers = { origin: 'http://evil.example' }
  const answer = await fetch(origin + embeddedPaths.load, { method: 'POST', headers, body: JSON.stringify({ sockets: 1 }) })
  expect(answer.status).toBe(403)
})

describe.skipIf(!hasChromium)('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  }, 60_000)
  afterAll(() => browser.close())

  test('draws the replicas behind Traefik, shows commands for unsupported actions, and fits every width', async () => {
    const complaints: string[] = []
    const page = await openPage(browser, origin, complaints)
    await expect.poll(() => page.locator('#replicas li[data-state="ready"]').count(), generous).toBe(3)
    expect(await page.locator('.entry').textContent()).toContain('Traefik')
    expect(await page.locator('#commands code').allTextContents()).toContain('./lab chaos kill')
    for (const name of [/^Kill/, /Set target/, /Pause/]) expect(await page.getByRole('button', { name }).count()).toBe(0)
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 900 })
      expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      expect([width, await faults(page)]).toEqual([width, []])
    }
    expect(complaints).toEqual([])
  }, 90_000)
})
