/**
 * Runs a rollout while the scaler is active: the scaler determines the number of replicas, and the rollout creates only replicas of the new
 * version.
 */
import { existsSync, readFileSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { until } from '@lab/host/until.ts'
import type { RolloutRecord } from '@lab/lab/compose/rollout/store.ts'
import { decisionLogPath, readDecisionLog, setPaused } from '@lab/scaler/decision-log.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { readRolloutScale, rolloutFilePath, writeRolloutScale } from '@lab/scaler/rollout-file.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import { afterAll, expect, inject, test } from 'vitest'
import { openSocketGroup, type SocketGroup } from '../stack/lib/crowd.ts'
import { startLab } from '../stack/lib/lab-command.ts'
import { query } from '../stack/lib/prometheus.ts'
import { containers, scaleTo } from '../stack/lib/stack.ts'
import { fromRoot, stateFolder } from './lib/settings.ts'

const stack = inject('stack')
const state = fromRoot(stateFolder)
const withinMs = 400_000
let crowd: SocketGroup | undefined

afterAll(async () => {
  crowd?.close()
  await setPaused(state, true)
  await scaleTo(stack, 2)
}, 180_000)

/**
 * Number of sockets for which the scaler wants more than two replicas, even while it counts the replica that a rollout adds: a new replica
 * without sockets lowers the mean, and 400 sockets on three replicas are still more than the target of 100.
 */
const sockets = 400

const newest = async () => (await readDecisionLog(decisionLogPath(state))).at(-1)

/** Pauses the scaler, and waits until it has finished its last action and has counted two replicas. */
async function pauseWithTwoReplicas(): Promise<void> {
  const startedAt = new Date().toISOString()
  await setPaused(state, true)
  await until('the scaler is paused', async () => ((await newest())?.time ?? '') >= startedAt && (await newest())?.paused === true, {
    withinMs: 120_000,
  })
  await scaleTo(stack, 2)
  await until('the scaler has counted two replicas', async () => (await newest())?.decision.currentReplicas === 2, { withinMs: 60_000 })
}

test('a rollout makes the replicas that the scaler wants, and nothing is a change by hand', { timeout: 2 * withinMs }, async () => {
  // The scaler is paused until the rollout has begun, so that the rollout cannot end before the scaler acts on the load.
  await pauseWithTwoReplicas()
  const before = (await containers(stack, services.ws)).map(({ Id }) => Id)
  const startedAt = new Date().toISOString()
  const records = async () => (await readDecisionLog(decisionLogPath(state))).filter(({ time }) => time >= startedAt)
  crowd = await openSocketGroup(stack, sockets)
  const wantsMore = ({ paused, decision }: TickRecord) => paused && (decision.scaleTo ?? 0) > 2
  await until('the paused scaler wants more replicas', async () => (await records()).slice(-1).some(wantsMore), { withinMs: 120_000 })
  const running = startLab(stack, ['rollout', 'restart'], { withinMs })
  await until('the rollout has begun', async () => existsSync(rolloutFilePath(state)), { withinMs: 120_000, everyMs: 50 })
  await setPaused(state, false)
  const { exitCode, all } = await running
  expect(exitCode, all).toBe(0)
  expect(() => readFileSync(rolloutFilePath(state))).toThrow('ENOENT')

  const record = JSON.parse(readFileSync(fromRoot(`reports/${stack.project}/rollout/record.json`), 'utf8')) as RolloutRecord
  const wanted = record.rollout?.replicas ?? 0
  expect(wanted).toBeGreaterThanOrEqual(3)
  expect(record.events).toContainEqual(expect.objectContaining({ reason: 'ScalingReplicaSet' }))
  const during = (await records()).filter(({ rollout }) => rollout !== undefined)
  const handed = during.filter(({ action }) => action?.result === 'Succeeded')
  expect(handed.length).toBeGreaterThan(0)
  expect(handed.map(decisionWords).join('\n')).toMatch(
    /Handed to the rollout: from 2 to \d\. A rollout from revision 1 to 1 is under way\./,
  )
  expect((await records()).filter(({ changedByHand }) => changedByHand !== undefined)).toEqual([])
  const after = (await containers(stack, services.ws)).map(({ Id }) => Id)
  expect(after.length).toBeGreaterThanOrEqual(wanted)
  expect(after.filter((id) => before.includes(id))).toEqual([])
  expect(crowd.mishaps.join('\n')).toBe('')
  const events = `${liveMetrics.rolloutEvent.name}{reason="RolloutComplete"}`
  await until('Prometheus has the events of the rollout', async () => (await query(stack, events)).length > 0, { withinMs: 60_000 })
})

test('a replica that the scaler requests after the last old replica has drained becomes part of the rollout', {
  timeout: 2 * withinMs,
}, async () => {
  crowd?.close()
  await pauseWithTwoReplicas()
  const before = (await containers(stack, services.ws)).map(({ Id }) => Id)
  const running = startLab(stack, ['rollout', 'restart'], { withinMs })
  let said = ''
  running.all?.on('data', (data: Buffer) => {
    said += data.toString()
  })
  // The replicas are replaced one by one, so the second drain is the last one.
  await until('the last old replica drains', () => said.match(/ drains: /g)?.length === 2, { withinMs: 240_000, everyMs: 100 })
  const scale = await readRolloutScale(state)
  if (scale === undefined) throw new Error('the rollout has removed its file')
  await writeRolloutScale(state, { ...scale, replicas: 3 })
  const { exitCode, all } = await running
  expect(exitCode, all).toBe(0)
  expect(all).toContain('out of 3 new replicas')
  const after = (await containers(stack, services.ws)).map(({ Id }) => Id)
  expect(after).toHaveLength(3)
  expect(after.filter((id) => before.includes(id))).toEqual([])
})
