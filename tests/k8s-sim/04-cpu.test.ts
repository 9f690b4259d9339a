/**
 * The same scaler on the host, beside the paused one in its container: on CPU from 2 to 4, and asked to end in the middle of
 * removing a replica. Started again, it goes on where it was.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { decisionLogPath, pauseFilePath, readDecisionLog } from '../../scaler/src/decision-log.ts'
import type { TickRecord } from '../../scaler/src/record.ts'
import { verify } from '../../scaler/src/replay/verify.ts'
import { explainText } from '../../scaler/src/views/explain.ts'
import { containers, replicaName, tryCompose, url } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { watchDeaths } from './lib/deaths.ts'
import { addFigure } from './lib/figures.ts'
import { fromRoot, hostStateFolder, stateFolder, timeScale } from './lib/settings.ts'

const stack = inject('stack')

/** A copy, for it is changed in the end. */
const hpaFile = `${hostStateFolder}/hpa.yaml`

/** As an editor does it: another file under the same name. */
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
    // It may take 5 s to finish an action, and must not be killed before.
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
  const replicas = async () => (await containers(stack, services.ws)).map(replicaName)
  /** As until(), and where it takes too long the error tells how the newest decision came about. */
  const untilExplained: typeof until = (...args) =>
    until(...args).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${explainText((await log()).slice(-1))}`)
    })

  beforeAll(async () => {
    await writeFile(fromRoot(pauseFilePath(stateFolder)), '')
    await writeHpa((text) => text)
    scaler = startOnHost()
    await until('a decision on the CPU', async () => (await log()).some(({ decision }) => decision.recommendation !== null), 60_000)
    const load = tryCompose(stack, ['--profile', 'load', 'run', '--rm', '-e', 'SOCKETS=800', '-e', 'DURATION=25', services.k6], {
      withinSeconds: 120,
    })
    await untilExplained('four replicas', async () => (await replicas()).length === 4, 90_000)
    await load
    await untilExplained('a replica asked to leave', () => deaths.events.some(({ action }) => action === 'kill'), 120_000)
    const askedAt = performance.now()
    scaler.kill('SIGTERM')
    const ended = await scaler
    exitCode = ended.exitCode
    said = `${ended.shortMessage ?? ''}\n${ended.all}`
    stoppedAfterSeconds = (performance.now() - askedAt) / 1000
    recordedBeforeRestart = (await log()).length
    await untilExplained('the first one gone', async () => (await replicas()).length === 3, 40_000)
    scaler = startOnHost()
    await untilExplained('two replicas', async () => (await replicas()).length === 2, 90_000)
    await untilExplained('a decision on two', async () => (await log()).at(-1)?.decision.currentReplicas === 2, 30_000)
    records = await log()
  }, 400_000)

  afterAll(async () => {
    deaths.stop()
    scaler.kill('SIGTERM')
    const { all, exitCode: code } = await scaler
    expect(code, all).toBe(0)
  })

  test('one more per policy period, up to the maximum', () => {
    const ups = records.filter(({ action }) => action && action.to > action.from)
    expect(ups.map(({ action }) => [action?.from, action?.to, action?.result])).toEqual([
      [2, 3, 'Succeeded'],
      [3, 4, 'Succeeded'],
    ])
    const [first, second] = ups.map(({ decision }) => decision.timeSeconds)
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(30)
    for (const { decision } of ups) expect(decision.rescaleReason).toContain('cpu resource utilization')
  })

  test('asked to end in the middle of an action, it ends within seconds and says how far it came', () => {
    addFigure('stopInActionSeconds', stoppedAfterSeconds)
    expect(exitCode, said).toBe(0)
    expect(stoppedAfterSeconds).toBeLessThan(10)
    const [down] = records.filter(({ action }) => action && action.to < action.from)
    expect(['Interrupted', 'Succeeded']).toContain(down?.action?.result)
    addFigure('stopInAction', down?.action?.result)
  })

  test('started again, it goes on with what it remembers, and every decision can be taken again', () => {
    const { differences, compared } = verify(records)
    addFigure('decisionsReplayedOnCpu', { compared, differences: differences.length })
    expect(differences).toEqual([])
    expect(compared).toBe(records.length)
    expect(compared).toBeGreaterThan(recordedBeforeRestart)
  })

  test('every replica that went had been drained, the highest first', () => {
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

  test('a bad file changes nothing and is told about; a good one counts from the next synchronisation on', async () => {
    const newest = async () => (await log()).at(-1)
    await writeHpa((text) => text.replace('minReplicas: 2', 'minReplicas: 20'))
    await until('the file refused', async () => (await newest())?.refusedFiles?.includes('spec.maxReplicas'), 30_000)
    expect((await newest())?.hpa.minReplicas).toBe(2)
    await writeHpa((text) => text.replace('minReplicas: 2', 'minReplicas: 3'))
    await until('three replicas', async () => (await replicas()).length === 3, 60_000)
    await until('a decision on three', async () => (await newest())?.decision.currentReplicas === 3, 30_000)
    expect(await newest()).toMatchObject({ hpa: { minReplicas: 3 } })
    expect(await newest()).not.toHaveProperty('refusedFiles')
    expect(verify(await log()).differences).toEqual([])
  }, 150_000)
})
