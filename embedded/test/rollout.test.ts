/** Tests that no message is lost during a rolling update of the embedded lab, and that a failing version is rolled back. */
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
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

  const { replicas: updated } = await state()
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
