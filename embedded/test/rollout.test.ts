/**
 * Tests that no message is lost during a rolling update or a deploy of the embedded lab, and that a failing version is rolled back.
 */
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { expect, onTestFinished, test } from 'vitest'
import { lab } from './lab-process.ts'

const sockets = 60
const generous = { timeout: 90_000, interval: 100 }

test('a new version takes the place of the old one, and one that fails does not', async () => {
  const { page, state, end } = await lab('--valkey', '', '--load', String(sockets))
  onTestFinished(end)
  const post = async (path: string, body: object) => {
    const { status } = await fetch(page + path, { method: 'POST', body: JSON.stringify(body) })
    expect(status).toBe(200)
  }
  await post(embeddedPaths.pause, { paused: true })
  await expect.poll(async () => (await state()).load.open, generous).toBe(sockets)
  const before = await state()
  expect(before.rollout).toBeNull()
  const [first] = before.replicas
  expect(first?.version).toMatch(/^v1\+[0-9a-f]{7}$/)

  await post(embeddedPaths.rollOut, { fails: false })
  let fewest = Number.POSITIVE_INFINITY
  const said = new Set<string | null>()
  const versions = async () => {
    const { replicas, rollout } = await state()
    fewest = Math.min(fewest, replicas.filter((one) => one.state === 'ready').length)
    said.add(rollout)
    return [...new Set(replicas.map(({ version }) => version))]
  }
  await expect.poll(versions, generous).toEqual([first?.version?.replace('v1', 'v2')])
  expect(fewest).toBe(2)
  expect([...said].filter((text) => text !== null)).toContainEqual(
    expect.stringMatching(/^A rollout to v2 is under way: \d old replicas? (is|are) left\.$/),
  )
  await expect.poll(async () => (await state()).rollout, generous).toBeNull()
  await expect.poll(async () => (await state()).load, generous).toMatchObject({ open: sockets, lost: 0, afresh: before.load.afresh })

  const { replicas: updated, decisions } = await state()
  // The scaler decides every three seconds, and the rollout's two drains take longer than that, so at least one decision is made during the
  // rollout.
  expect(decisions.map(({ text }) => text)).toContainEqual(expect.stringMatching(/A rollout from revision 1 to 2 is under way\.$/))
  await post(embeddedPaths.rollOut, { fails: true })
  const events = async () => (await state()).events.map(({ text }) => text)
  await expect.poll(events, generous).toContain('rollback is complete: every replica is of v2')
  expect(await events()).toContainEqual(
    expect.stringMatching(/^rollout to v3 failed: ws-\d+ ended at start \(1\): MAX_CONNECTIONS="0": .*; rolling back to v2$/),
  )
  const { replicas, rollout, load } = await state()
  expect(replicas.map(({ id }) => id)).toEqual(updated.map(({ id }) => id))
  expect({ rollout, ...load }).toMatchObject({ rollout: null, open: sockets, lost: 0 })
}, 180_000)

test('a deploy starts the other colour, switches to it and drains the old one; one that fails changes nothing', async () => {
  const { page, entry, state, end } = await lab('--valkey', '', '--load', String(sockets))
  onTestFinished(end)
  const post = async (path: string, body: object) => {
    const { status } = await fetch(page + path, { method: 'POST', body: JSON.stringify(body) })
    expect(status).toBe(200)
  }
  const events = async () => (await state()).events.map(({ text }) => text)
  const colours = async () => (await state()).replicas.map(({ colour }) => colour)
  await post(embeddedPaths.pause, { paused: true })
  await expect.poll(async () => (await state()).load.open, generous).toBe(sockets)
  const before = await state()
  expect(await colours()).toEqual(['blue', 'blue'])

  await post(embeddedPaths.deploy, { fails: true })
  await expect.poll(events, generous).toContain('rollback is complete: every replica is of v1')
  expect(await events()).toContainEqual(
    expect.stringMatching(/^deploy to v2 failed: ws-3 ended at start \(1\): MAX_CONNECTIONS="0": .*; rolling back to v1$/),
  )
  const after = await state()
  expect(after.replicas.map(({ id }) => id)).toEqual(before.replicas.map(({ id }) => id))
  expect(after.load).toMatchObject({ open: sockets, reconnects: before.load.reconnects })

  await post(embeddedPaths.deploy, { fails: false })
  expect((await state()).rollout).toBe('A deploy to v3 is under way: 2 old replicas are left.')
  await post(embeddedPaths.replicas, { count: 4 })
  await expect.poll(events, generous).toContain('deploy is complete: every replica is of v3')
  // The deploy applies the number of replicas that was set manually, and the scaler does not mistake any other change for a manual one.
  expect(await colours()).toEqual(['green', 'green', 'green', 'green'])
  expect([...new Set((await events()).filter((text) => text.startsWith('another client')))]).toEqual([
    'another client changed the number of replicas from 2 to 4; the scaler continues from there',
  ])
  expect(await (await fetch(entry + paths.health)).json()).toMatchObject({ colour: 'green', version: expect.stringMatching(/^v3\+/) })
  await expect.poll(async () => (await state()).load, generous).toMatchObject({ open: sockets, lost: 0, afresh: before.load.afresh })
}, 180_000)
