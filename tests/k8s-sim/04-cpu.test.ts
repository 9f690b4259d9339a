/**
 * Starts a second scaler on the host, while the scaler in the container is paused. The scaler on the host scales by CPU from 2 to 4
 * replicas, is stopped while it is removing a replica, and continues after a restart.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { decisionLogPath, pauseFilePath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { verify } from '@lab/scaler/replay/verify.ts'
import { explainText } from '@lab/scaler/views/explain.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { containers, tryCompose, url } from '../stack/lib/stack.ts'
import { watchDeaths } from './lib/deaths.ts'
import { fromRoot, hostStateFolder, stateFolder, timeScale } from './lib/settings.ts'

const stack = inject('stack')

/** The tests use a copy of the HPA file, because the last test modifies it. */
const hpaFile = `${hostStateFolder}/hpa.yaml`

/** Writes a new HPA file and then renames it over the existing one, as editors do. */
async function writeHpa(change: (text: string) => string): Promise<void> {
  const text = change(await readFile(fromRoot('tests/k8s-sim/hpa-cpu.yaml'), 'utf8'))
  await mkdir(fromRoot(hostStateFolder), { recursive: true })
  await writeFile(fromRoot(`${hpaFile}.new`), text)
  await rename(fromRoot(`${hpaFile}.new`), fromRoot(hpaFile))
}

function startOnHost() {
  const args = ['scaler/src/main.ts', 'run', '--hpa', hpaFile, '--prometheus', url(stack, 'PROMETHEUS_PORT')]
  const more = ['--state', hostStateFolder, '--time-scale', String(timeScale), '--project-name', stack.project]
  const env = { ...stack.env, SCALER_STATE: '', SCALER_TIME_SCALE: '' }
  return execa(process.execPath, [...args, ...more], {
    cwd: fromRoot(''),
    env,
    reject: false,
    // The scaler may need 5 s to finish a scaling action, and must not be killed before then.
    forceKillAfterDelay: 20_000,
    stdin: 'ignore',
    timeout: 240_000,
    all: true,
  })
}

describe('CPU utilisation', () => {
  const deaths = watchDeaths(stack)
  let scaler: ReturnType<typeof startOnHost>
  let stoppedAfterSeconds = Number.NaN
  let exitCode: number | undefined
  let said: string
  let recordedBeforeRestart = 0
  let records: TickRecord[]

  const log = () => readDecisionLog(fromRoot(decisionLogPath(hostStateFolder)))
  const replicas = async () => (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
  /** Works like until(), but adds the explanation of the scaler's latest decision to a timeout error. */
  const untilExplained: typeof until = (...args) =>
    until(...args).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${explainText((await log()).slice(-1))}`)
    })

  beforeAll(async () => {
    await writeFile(fromRoot(pauseFilePath(stateFolder)), '')
    await writeHpa((text) => text)
    scaler = startOnHost()
    await until('a decision on the CPU', async () => (await log()).some(({ decision }) => decision.recommendation !== null), {
      withinMs: 60_000,
    })
    const load = tryCompose(stack, ['--profile', 'load', 'run', '--rm', '-e', 'SOCKETS=800', '-e', 'DURATION=25', services.k6], {
      withinSeconds: 120,
    })
    await untilExplained('four replicas', async () => (await replicas()).length === 4, { withinMs: 90_000 })
    await load
    await untilExplained('a replica asked to leave', () => deaths.events.some(({ action }) => action === 'kill'), { withinMs: 120_000 })
    const askedAt = performance.now()
    scaler.kill('SIGTERM')
    const ended = await scaler
    exitCode = ended.exitCode
    said = `${ended.shortMessage ?? ''}\n${ended.all}`
    stoppedAfterSeconds = (performance.now() - askedAt) / 1000
    recordedBeforeRestart = (await log()).length
    await untilExplained('the first one gone', async () => (await replicas()).length === 3, { withinMs: 40_000 })
    scaler = startOnHost()
    await untilExplained('two replicas', async () => (await replicas()).length === 2, { withinMs: 90_000 })
    await untilExplained('a decision on two', async () => (await log()).at(-1)?.decision.currentReplicas === 2, { withinMs: 30_000 })
    records = await log()
  }, 400_000)

  afterAll(async () => {
    await deaths.stop()
    scaler.kill('SIGTERM')
    const { all, exitCode: code } = await scaler
    expect(code, all).toBe(0)
  })

  test('one replica is added per policy period, up to the maximum', () => {
    const ups = records.filter(({ action }) => action && action.to > action.from)
    expect(ups.map(({ action }) => [action?.from, action?.to, action?.result])).toEqual([
      [2, 3, 'Succeeded'],
      [3, 4, 'Succeeded'],
    ])
    const [first, second] = ups.map(({ decision }) => decision.timeSeconds)
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(30)
    for (const { decision } of ups) expect(decision.rescaleReason).toContain('cpu resource utilization')
  })

  test('SIGTERM during an action ends the scaler within seconds, and it logs the progress of the action', () => {
    addFigure('stopInActionSeconds', stoppedAfterSeconds)
    expect(exitCode, said).toBe(0)
    expect(stoppedAfterSeconds).toBeLessThan(10)
    const [down] = records.filter(({ action }) => action && action.to < action.from)
    expect(['Interrupted', 'Succeeded']).toContain(down?.action?.result)
    addFigure('stopInAction', down?.action?.result)
  })

  test('after a restart, the scaler uses its earlier recommendations, and a replay reproduces every decision', () => {
    const { differences, compared } = verify(records)
    addFigure('decisionsReplayedOnCpu', { compared, differences: differences.length })
    expect(differences).toEqual([])
    expect(compared).toBe(records.length)
    expect(compared).toBeGreaterThan(recordedBeforeRestart)
  })

  test('every removed replica was drained, starting with the highest number', () => {
    const ended = (what: string) => deaths.events.filter(({ action }) => action === what)
    expect(ended('kill').map(({ replica, signal }) => [replica, signal])).toEqual([
      ['ws-4', '15'],
      ['ws-3', '15'],
    ])
    expect(ended('die').map(({ replica, exitCode: code }) => [replica, code])).toEqual([
      ['ws-4', '0'],
      ['ws-3', '0'],
    ])
  })

  test('an invalid file is reported and changes nothing; a valid one is used at the next synchronisation', async () => {
    const newest = async () => (await log()).at(-1)
    await writeHpa((text) => text.replace('minReplicas: 2', 'minReplicas: 20'))
    await until('the file is refused', async () => (await newest())?.refusedFiles?.includes('spec.maxReplicas'), { withinMs: 30_000 })
    expect((await newest())?.hpa.minReplicas).toBe(2)
    await writeHpa((text) => text.replace('minReplicas: 2', 'minReplicas: 3'))
    await until('three replicas', async () => (await replicas()).length === 3, { withinMs: 60_000 })
    await until('a decision on three', async () => (await newest())?.decision.currentReplicas === 3, { withinMs: 30_000 })
    expect(await newest()).toMatchObject({ hpa: { minReplicas: 3 } })
    expect(await newest()).not.toHaveProperty('refusedFiles')
    expect(verify(await log()).differences).toEqual([])
  }, 150_000)
})
