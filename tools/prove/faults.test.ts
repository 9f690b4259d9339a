/** Runs every fault of a plan on a real embedded lab, and checks what is recorded when a fault fails. */
import { lab as startLab } from '@lab/embedded/test/lab-process.ts'
import { faultsOn, planFaultNames, planFaults } from '@lab/faults/catalogue/index.ts'
import { fakeLab } from '@lab/faults/fake-lab.ts'
import { embeddedLab } from '@lab/lab/embedded/lab.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { beginRecord, doFault, restore } from './faults.ts'

const never = new AbortController().signal

describe('on a real embedded lab', () => {
  let started: Awaited<ReturnType<typeof startLab>>
  let lab: Awaited<ReturnType<typeof embeddedLab>>

  beforeAll(async () => {
    started = await startLab('--replicas', '3')
    lab = await embeddedLab(started.page)
    await lab.scaler?.pause()
  }, 60_000)
  afterAll(() => started.end())

  test.each(faultsOn('embedded', planFaultNames))('%s takes effect, and leaves three replicas', { timeout: 90_000 }, async (kind) => {
    const { hitsReplica, inPlan } = planFaults[kind]
    const replica = hitsReplica ? (await lab.replicas()).at(0)?.name : undefined
    const record = beginRecord({ kind, replica })
    await doFault(lab, { kind, replica }, record, never)
    expect(record).toMatchObject({ kind, happened: true, mayEnd: inPlan.mayEnd })
    expect(record).not.toHaveProperty('failed')
    expect(record.toMs).toBeGreaterThan(record.fromMs)
    expect(record.replica === undefined).toBe(inPlan.mayEnd.length === 0)
    expect(record.tookMs === undefined).toBe(inPlan.timed !== true)
    expect(await lab.replicas()).toHaveLength(3)
  })

  test('nothing is left to restore', { timeout: 30_000 }, async () => expect(await restore(lab)).toEqual([]))
})

describe('a fault', () => {
  const fault = { kind: 'pause', replica: 'ws-2' } as const

  test('without evidence is recorded as not happened, fails the run, and is undone', async () => {
    const { lab, taken } = fakeLab({ check: () => ({ holds: false, seen: 'running' }) })
    const record = beginRecord({ kind: 'valkey-pause', replica: undefined })
    await doFault(lab, { kind: 'valkey-pause', replica: undefined }, record, AbortSignal.abort())
    expect(record.happened).toBe(false)
    expect(record.failed).toMatch(/^Docker reports Valkey as paused not within 10 s: running; every replica is healthy .* not within 10 s/)
    expect(taken).toEqual(['pause lab-valkey-1', 'unpause lab-valkey-1'])
  }, 40_000)

  test('that cannot begin reports why, and is recorded as not happened', async () => {
    const { lab } = fakeLab({ fails: ['pause lab-ws-2'] })
    const record = beginRecord(fault)
    await doFault(lab, fault, record, never)
    expect(record).toMatchObject({ happened: false, detail: 'pause could not begin: pause lab-ws-2 fails' })
    expect(Number.isFinite(record.toMs)).toBe(true)
  })
})
