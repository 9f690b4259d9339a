/** The test client page in a real Chromium: what a person sees, replicas coming and going under it. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paths, stickyCookie } from '../../contract/src/endpoints.ts'
import { faults, hasChromium, launch, openPage } from '../browser/lib/browser.ts'
import { docker } from './lib/docker.ts'
import { containerName, scaleTo, url } from './lib/stack.ts'
import { until } from './lib/until.ts'

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

  /** A page of its own person: its own cookies. What it complains about is kept. */
  async function open(): Promise<Page> {
    const page = await openPage(browser, origin + paths.page, complaints)
    await isOpen(page)
    return page
  }

  const text = async (page: Page, id: string) => (await page.locator(`#${id}`).textContent()) ?? ''
  const isOpen = (page: Page) => until('the page is connected', async () => (await text(page, 'state-text')) === 'open', 30_000)
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

  async function inRoom(room: string): Promise<Page> {
    const page = await open()
    await page.getByLabel('Room', { exact: true }).fill(room)
    await press(page, 'Join room')
    await until('it is in the room', async () => (await text(page, 'log')).includes('room_joined'), 10_000)
    return page
  }

  /** What the page shows of a room, as far as it was broadcast by `say`. */
  const heard = async (page: Page) => (await page.locator('#room-messages li').allTextContents()).map((line) => /#(\d+)/.exec(line)?.[1])

  async function say(page: Page, number: number): Promise<void> {
    await page.getByLabel('Text').fill(`#${number}`)
    await press(page, 'Broadcast to room')
  }

  test('connects, and its message is answered', async () => {
    const page = await open()
    await press(page, 'Send message')
    await until('the answer', async () => (await text(page, 'log')).includes('message_response'), 10_000)
    expect(await text(page, 'replica')).toMatch(/^ws-\d+$/)
    // It also sends messages of its own, for the round trip.
    await until('nothing is waited for', async () => (await text(page, 'unanswered')) === '0', 10_000)
  }, 60_000)

  test('has no fault that axe finds', async () => {
    expect(await faults(await open())).toEqual([])
  }, 60_000)

  test('gives the sticky cookie back when it is to go elsewhere', async () => {
    const page = await open()
    const sticky = async () => (await page.context().cookies()).filter(({ name }) => name === stickyCookie).length
    expect(await sticky()).toBe(1)
    await page.evaluate(`fetch('${paths.forgetReplica}', { method: 'POST' })`)
    expect(await sticky()).toBe(0)
  }, 60_000)

  test('moves to another replica when its own drains, and misses nothing', async () => {
    const [listener, speaker] = [await inRoom('drained'), await inRoom('drained')]
    const replica = await text(listener, 'replica')
    const stopped = docker(['stop', containerName(stack, replica)], { withinSeconds: 60 })
    let said = 0
    await until(
      'it moves',
      async () => {
        await say(speaker, ++said)
        return (await text(listener, 'moves')) === '1'
      },
      40_000,
      100,
    )
    await stopped
    await say(speaker, ++said)
    const all = Array.from({ length: said }, (_, n) => String(n + 1))
    await until('the last message', async () => (await heard(listener)).length >= said, 10_000)
    expect(await heard(listener)).toEqual(all)
    await until('the speaker has all, too', async () => (await heard(speaker)).length >= said, 10_000)
    expect(await heard(speaker)).toEqual(all)
    expect(await text(listener, 'moved')).toBe(replica)
    expect(await text(listener, 'gaps')).toBe('0 / 0')
    expect(said).toBeGreaterThan(3)
  }, 120_000)

  test('comes back when it is closed with 1012', async () => {
    await scaleTo(stack, 3)
    const page = await inRoom('closed')
    const name = containerName(stack, await text(page, 'replica'))
    // Who asks twice does not want to wait.
    await docker(['kill', '--signal', 'TERM', name])
    await docker(['kill', '--signal', 'TERM', name])
    await until('it was closed', async () => (await text(page, 'log')).includes('closed: 1012'), 20_000)
    await isOpen(page)
    await say(page, 1)
    await until('it still is in its room', async () => (await heard(page)).length === 1, 10_000)
    // An emptier replica may have asked it to move there meanwhile; nothing else made it dial again, and each time its session went on.
    const asked = async () => ((await text(page, 'log')).match(/"reason":"rebalancing"/g) ?? []).length
    const dials = async () => `${1 + (await asked())} / ${1 + (await asked())}`
    await until('a reason for each dial', async () => (await text(page, 'reconnects')) === (await dials()), 30_000)
  }, 120_000)

  test('logs no error and asks nobody else', () => {
    expect(complaints.filter((text) => !/WebSocket connection to .* failed/.test(text))).toEqual([])
  })
})
