/** Tests the test client page in a real Chromium while replicas drain and close the page's connection. */

import { paths, stickyCookie } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { faults, hasChromium, launch, openPage } from '../browser/lib/browser.ts'
import { containerName, scaleTo, url } from './lib/stack.ts'

const stack = inject('stack')
const origin = new URL(url(stack, 'LAB_PORT')).origin

describe.skipIf(!hasChromium)('the page', () => {
  let browser: Browser
  const complaints: string[] = []

  beforeAll(async () => {
    browser = await launch()
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await scaleTo(stack, 3)
  }, 120_000)

  /** Opens a page with separate cookies, and records its errors. */
  async function open(): Promise<Page> {
    const page = await openPage(browser, origin + paths.page, complaints)
    await isOpen(page)
    return page
  }

  const text = async (page: Page, id: string) => (await page.locator(`#${id}`).textContent()) ?? ''
  const isOpen = (page: Page) =>
    until('the page is connected', async () => (await text(page, 'state-text')) === 'open', { withinMs: 30_000 })
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

  async function inRoom(room: string): Promise<Page> {
    const page = await open()
    await page.getByLabel('Room', { exact: true }).fill(room)
    await press(page, 'Join room')
    await until('the page is in the room', async () => (await text(page, 'log')).includes('room_joined'), { withinMs: 10_000 })
    return page
  }

  /** Returns the numbers that `say` sent as room messages, in the order in which the page shows them. */
  const heard = async (page: Page) => (await page.locator('#room-messages li').allTextContents()).map((line) => /#(\d+)/.exec(line)?.[1])

  async function say(page: Page, number: number): Promise<void> {
    await page.getByLabel('Text').fill(`#${number}`)
    await press(page, 'Broadcast to room')
  }

  test('connects, and its message is answered', async () => {
    const page = await open()
    await press(page, 'Send message')
    await until('the answer', async () => (await text(page, 'log')).includes('message_response'), { withinMs: 10_000 })
    expect(await text(page, 'replica')).toMatch(/^ws-\d+$/)
    // The page's number of messages without a response includes those that the page itself sends to measure the round-trip time.
    await until('no answer is missing', async () => (await text(page, 'unanswered')) === '0', { withinMs: 10_000 })
  }, 60_000)

  test('has no accessibility problem according to axe', async () => {
    expect(await faults(await open())).toEqual([])
  }, 60_000)

  test('deletes the sticky cookie before it moves to another replica', async () => {
    const page = await open()
    const sticky = async () => (await page.context().cookies()).filter(({ name }) => name === stickyCookie).length
    expect(await sticky()).toBe(1)
    await page.evaluate(`fetch('${paths.forgetReplica}', { method: 'POST' })`)
    expect(await sticky()).toBe(0)
  }, 60_000)

  test('moves to another replica when its replica drains, and misses no message', async () => {
    const [listener, speaker] = [await inRoom('drained'), await inRoom('drained')]
    const replica = await text(listener, 'replica')
    const stopped = docker(['stop', containerName(stack, replica)], { withinSeconds: 60 })
    let said = 0
    await until(
      'the page has moved',
      async () => {
        await say(speaker, ++said)
        return (await text(listener, 'replica')) !== replica
      },
      { withinMs: 40_000, everyMs: 100 },
    )
    await stopped
    await say(speaker, ++said)
    const all = Array.from({ length: said }, (_, n) => String(n + 1))
    await until('the last message', async () => (await heard(listener)).length >= said, { withinMs: 10_000 })
    expect(await heard(listener)).toEqual(all)
    await until('the other page also has all messages', async () => (await heard(speaker)).length >= said, { withinMs: 10_000 })
    expect(await heard(speaker)).toEqual(all)
    expect(await text(listener, 'moved')).toBe(replica)
    expect(await text(listener, 'gaps')).toBe('0 / 0')
    expect(said).toBeGreaterThan(3)
  }, 120_000)

  test('reconnects after a close with 1012', async () => {
    // With the sockets of the other pages open, rebalancing could move this page to the new replica before its replica is killed.
    for (const context of browser.contexts()) await context.close()
    await scaleTo(stack, 3)
    const page = await inRoom('closed')
    const name = containerName(stack, await text(page, 'replica'))
    // SIGINT during a drain skips the rest of the drain.
    await docker(['kill', '--signal', 'TERM', name])
    await docker(['kill', '--signal', 'INT', name])
    await until('the connection was closed', async () => (await text(page, 'log')).includes('closed: 1012'), { withinMs: 20_000 })
    await isOpen(page)
    await say(page, 1)
    await until('the page is still in its room', async () => (await heard(page)).length === 1, { withinMs: 10_000 })
    // Rebalancing may also have asked the page to move. The page then reconnects once more, unless the close with 1012 came before it moved:
    // then one reconnect follows both. After each reconnect, the page must have resumed its session.
    const asked = ((await text(page, 'log')).match(/"reason":"rebalancing"/g) ?? []).length
    const [reconnects, resumed] = (await text(page, 'reconnects')).split(' / ').map(Number)
    expect(reconnects).toBeGreaterThanOrEqual(1)
    expect(reconnects).toBeLessThanOrEqual(1 + asked)
    expect(resumed).toBe(reconnects)
  }, 120_000)

  test('logs no error and sends no request to other servers', () => {
    expect(complaints.filter((text) => !/WebSocket connection to .* failed/.test(text))).toEqual([])
  })
})
