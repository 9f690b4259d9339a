/** Tests the Compose lab's live page, which queries Prometheus, generates load, and refuses requests from other pages. */
import { embeddedPaths, type LiveSnapshot } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import type { Ran } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from '../browser/lib/browser.ts'
import { addFigure } from '../lib/figures.ts'
import { startLab } from './lib/lab-command.ts'
import { containers, tryCompose, url } from './lib/stack.ts'

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

describe('a k6 run in progress', () => {
  /** Returns the number of sockets that the replicas report, which includes the sockets of the page's own load. */
  const held = async () => (await state()).replicas.reduce((sum, { connections }) => sum + connections, 0)
  const owner = { LAB_UID: String(process.getuid?.() ?? 0), LAB_GID: String(process.getgid?.() ?? 0) }
  /** Time limit for a change of the load; the number in Prometheus and on the page may be another 7 s older. */
  const changed = { timeout: 10_000 + 7_000, interval: 250 }
  const lab = async (...args: string[]) => {
    const { exitCode, all } = await startLab(stack, args, { withinMs: 30_000 })
    return [exitCode, all]
  }
  let run: Promise<Ran>

  beforeAll(async () => {
    await order(0)
    run = tryCompose(stack, ['run', '--rm', '-e', 'SCENARIO=hold', '-e', 'SOCKETS=40', '-e', 'DURATION=58', 'k6'], {
      withinSeconds: 180,
      env: owner,
    })
    const isOpen = async () => (await state()).k6?.open === 40 && (await held()) === 40
    await until('the k6 run has its 40 sockets', isOpen, { withinMs: 120_000 })
  }, 130_000)

  test('./lab load changes it within 10 s, and the replicas hold the new number of sockets', async () => {
    expect(await lab('load', '400')).toEqual([0, 'The k6 run in progress changes from 40 to 400 sockets within 10 s.'])
    const orderedAtMs = Date.now()
    await expect.poll(async () => (await state()).k6, changed).toEqual({ wanted: 400, open: 400 })
    addFigure('loadKnobSeconds', (Date.now() - orderedAtMs) / 1000)
    await expect.poll(held, changed).toBe(400)
  }, 60_000)

  test.each([
    [['load', '30', '--seed', '1'], 'a k6 run is in progress, and ./lab load changes it: allowed are a number of sockets from 0 to 20000'],
    [['load', '20001'], 'whole number from 0 to 20000'],
  ])('%j is rejected with one line', async (args, says) => {
    const [exitCode, text] = await lab(...args)
    expect([exitCode, text, String(text).split('\n').length]).toEqual([2, expect.stringContaining(says), 1])
  })

  test.skipIf(!hasChromium)(
    'the live page changes it too, and reports an invalid number beside the field',
    async () => {
      const browser = await launch()
      try {
        const page = await openPage(browser, origin, [])
        const field = page.getByLabel('Sockets of the k6 run')
        await field.waitFor()
        expect(await faults(page)).toEqual([])
        const set = page.getByRole('button', { name: 'Set sockets of k6' })
        await field.fill('20001')
        await set.click()
        await expect.poll(() => page.locator('#k6-load-error').textContent(), generous).toMatch(/whole number from 0 to 20000/)
        await field.fill('100')
        await field.press('Enter')
        await expect.poll(async () => (await state()).k6, changed).toEqual({ wanted: 100, open: 100 })
        await expect.poll(() => page.locator('#k6-load-error').textContent(), generous).toBe('')
        await expect.poll(held, changed).toBe(100)
      } finally {
        await browser.close()
      }
    },
    90_000,
  )

  test('ends with its curve: its thresholds are met, and the page no longer has a field for it', async () => {
    const { exitCode, stdout, stderr } = await run
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
    // The live page may still show the run that has just ended, but this command must start a new one.
    const [ended, text] = await lab('load', '10', '--duration', '5s')
    expect([ended, text]).toEqual([0, expect.not.stringContaining('in progress')])
    await expect.poll(async () => (await state()).k6, generous).toBeNull()
    const refused = await fetch(origin + embeddedPaths.k6Load, { method: 'POST', body: JSON.stringify({ sockets: 10 }) })
    expect([refused.status, await refused.json()]).toEqual([409, { error: 'no k6 run is in progress' }])
  }, 180_000)
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
