/** Tests scaling by connections: under load from k6, the scaler goes from 2 to 4 replicas, and then back down one at a time. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { docker, type Ran } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { decisionLogPath, pauseFilePath, readDecisionLog } from '@lab/scaler/decision-log.ts'
import type { ActionRecord, TickRecord } from '@lab/scaler/record.ts'
import type { CurvePoint } from '@lab/scaler/replay/replay.ts'
import { verify } from '@lab/scaler/replay/verify.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { query } from '../stack/lib/prometheus.ts'
import { containers, tryCompose, url } from '../stack/lib/stack.ts'
import { watchDeaths } from './lib/deaths.ts'
import { fromRoot, stateFolder, timeScale } from './lib/settings.ts'

const stack = inject('stack')
const scrapeIntervalSeconds = 5
/** The maximum time until Prometheus records a change, in seconds: service discovery runs every 3 s, and one of two scrapes may fail. */
const recordedWithinSeconds = 3 + 2 * scrapeIntervalSeconds
/** At first, two replicas have 175 sockets each. With 350 sockets and a target of 100 sockets per replica, four replicas are needed. */
const sockets = 350

type Acted = TickRecord & { action: ActionRecord }

describe('connections per replica', () => {
  const deaths = watchDeaths(stack)
  let load: Ran
  let records: TickRecord[]
  /** Compose's configuration hashes of the replicas; containers that were created with the same settings have the same hash. */
  let hashes: string[]
  /** The Unix time, in seconds, at which the average number of sockets per replica first exceeded the target by more than the tolerance. */
  let visibleAt = 0

  const log = async () => (await readDecisionLog(fromRoot(decisionLogPath(stateFolder)))).filter(({ paused }) => !paused)
  const newest = async () => (await log()).at(-1)
  const acted = () => records.filter((record): record is Acted => record.action !== null)

  beforeAll(async () => {
    await rm(fromRoot(pauseFilePath(stateFolder)))
    await until('a decision on two replicas', async () => (await newest())?.decision.recommendation != null, { withinMs: 30_000 })
    const running = tryCompose(stack, ['--profile', 'load', 'run', '--rm', '-e', `SOCKETS=${sockets}`, '-e', 'DURATION=50', services.k6], {
      withinSeconds: 120,
    })
    await until(
      'Prometheus shows the load',
      async () => (await query(stack, 'avg(websocket_connections_active{job="ws"}) > 110')).length > 0,
      {
        withinMs: 60_000,
        everyMs: 100,
      },
    )
    visibleAt = Date.now() / 1000
    await until('four replicas', async () => (await containers(stack, services.ws)).length === 4, { withinMs: 30_000 })
    hashes = (await containers(stack, services.ws)).map(({ Config }) => Config.Labels['com.docker.compose.config-hash'] ?? '')
    // The scaler is restarted during the test; its earlier recommendations must survive the restart.
    const [scaler] = await containers(stack, services.scaler)
    await docker(['restart', scaler?.Id ?? ''], { withinSeconds: 40 })
    load = await running
    await until('two replicas again', async () => (await containers(stack, services.ws, { stopped: true })).length === 2, {
      withinMs: 120_000,
    })
    // The record of the removal is written after the replica has gone.
    await until('a decision on two replicas', async () => (await newest())?.decision.currentReplicas === 2, { withinMs: 30_000 })
    records = await log()
  }, 300_000)

  afterAll(deaths.stop)

  test('the load passed all of its thresholds', () => {
    expect(load.exitCode, load.stdout.slice(-2000) + load.stderr.slice(-2000)).toBe(0)
  })

  test('the scaler goes from 2 to 4, 3 and 2 replicas, and no other change occurs', () => {
    const steps = acted().map(({ action }) => action)
    expect(steps.filter(({ result }) => result !== 'Succeeded')).toEqual([])
    // If the load is still rising at the first decision, scaling up takes two steps instead of one.
    const ups = steps.filter(({ from, to }) => to > from)
    expect([ups[0]?.from, ups.at(-1)?.to]).toEqual([2, 4])
    expect(steps.slice(ups.length).map(({ from, to }) => [from, to])).toEqual([
      [4, 3],
      [3, 2],
    ])
    for (const [i, { from }] of steps.entries()) expect(from).toBe(steps[i - 1]?.to ?? 2)
    for (const { action, time } of acted()) {
      const next = records.find((record) => record.time > time)
      expect(next?.decision.currentReplicas).toBe(action.to)
    }
  })

  test('replicas that the scaler creates have the same configuration as those from the host', () => {
    expect(hashes).toHaveLength(4)
    expect([...new Set(hashes)]).toHaveLength(1)
  })

  test('a replay of the decision log reproduces every decision', () => {
    const { compared, differences, startedLate } = verify(records)
    addFigure('decisionsReplayed', { compared, differences: differences.length })
    expect(differences).toEqual([])
    expect(compared).toBe(records.length - (startedLate ? 1 : 0))
    expect(compared).toBeGreaterThan(20)
  })

  test('an exported recording repeats every decision as a conformance case', async () => {
    const run = (args: string[]) =>
      execa(process.execPath, ['tools/cli/src/main.ts', ...args], { cwd: fromRoot(''), timeout: 60_000, stdin: 'ignore' })
    const { stdout, stderr } = await run(['scaler', 'export', '--state', stateFolder])
    const { steps, hpaYaml } = JSON.parse(stdout)
    addFigure('decisionsExported', { decisions: steps.length, message: stderr })
    expect(steps.length).toBeGreaterThan(20)
    expect(hpaYaml).toBe(await readFile(fromRoot('scaler/hpa.yaml'), 'utf8'))
    const file = fromRoot(`${stateFolder}/case.jsonl`)
    await writeFile(file, stdout)
    const answers = JSON.parse((await run(['conformance', '--answers', file])).stdout)
    expect(answers.steps.map(({ actual }: { actual: unknown }) => actual)).toEqual(
      steps.map(({ expected }: { expected: unknown }) => expected),
    )
  })

  test('a replay from Prometheus shows the same numbers of replicas and the same peak', async () => {
    const [since, until] = [records[0]?.time ?? '', records.at(-1)?.time ?? '']
    const source = ['--from', 'prometheus', '--prometheus', url(stack, 'PROMETHEUS_PORT'), '--since', since, '--until', until]
    const args = ['replay', ...source, '--step', '1s', '--time-scale', String(timeScale), '--hpa', 'scaler/hpa.yaml', '-o', 'json']
    const { stdout } = await execa(process.execPath, ['scaler/src/main.ts', ...args], {
      cwd: fromRoot(''),
      timeout: 30_000,
      stdin: 'ignore',
    })
    const [recorded, model] = (JSON.parse(stdout) as { runs: { points: CurvePoint[]; figures: { peakReplicas: number } }[] }).runs
    const points = recorded?.points ?? []
    expect(points.length).toBeGreaterThan(60)
    /** The number of replicas after each scaling action in the decision log, with the time of the change. */
    const curve = [
      { at: 0, count: 2 },
      ...acted().flatMap(({ time, action: { from, to, durationSeconds } }) => {
        const at = Date.parse(time) / 1000
        return [at, at + durationSeconds].flatMap((moment) => [from, to].map((count) => ({ at: moment, count })))
      }),
    ]
    const wrong = points.filter(({ timeSeconds, replicas }) => {
      const now = timeSeconds / timeScale
      // Prometheus still contains samples from earlier tests that changed the number of replicas.
      if (now < Date.parse(since) / 1000 + recordedWithinSeconds) return false
      const later = curve.filter(({ at }) => at > now - recordedWithinSeconds && at <= now)
      const earlier = curve.findLast(({ at }) => at <= now - recordedWithinSeconds)
      const counts = [...later, ...(earlier ? [earlier] : [])].map(({ count }) => count)
      return replicas < Math.min(...counts) || replicas > Math.max(...counts)
    })
    expect(wrong).toEqual([])
    expect([...new Set(points.map(({ replicas }) => replicas))]).toEqual(expect.arrayContaining([2, 4]))
    expect(model?.figures.peakReplicas).toBe(4)
  })

  test('the first reaction takes at most one sync period and one scrape interval', () => {
    const [first] = acted()
    const seconds = Date.parse(first?.time ?? '') / 1000 - visibleAt
    const syncSeconds = 15 / timeScale
    addFigure('firstReactionSeconds', seconds)
    expect(seconds).toBeLessThan(syncSeconds + scrapeIntervalSeconds)
  })

  test('no replica is removed before the window ends; then one is removed per policy period', () => {
    const downs = acted().filter(({ action: { from, to } }) => to < from)
    const lastHigh = records.findLast(({ decision }) => (decision.recommendation ?? 0) >= 4)
    const [first, second] = downs.map(({ decision }) => decision.timeSeconds)
    expect((first ?? 0) - (lastHigh?.decision.timeSeconds ?? Number.NaN)).toBeGreaterThanOrEqual(120)
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(30)
  })

  test('every removed replica got SIGTERM and exited by itself', () => {
    const named = acted().flatMap(({ action }) => action.removed)
    expect(named).toEqual(['ws-4', 'ws-3'])
    for (const [i, { action, time }] of acted().entries()) {
      const next = acted()[i + 1]?.time ?? '9999-12-31T23:59:59Z'
      const during = deaths.events.filter(({ atSeconds }) => atSeconds * 1000 >= Date.parse(time) && atSeconds * 1000 < Date.parse(next))
      const asked = during.filter(({ action: what }) => what === 'kill')
      expect(asked.map(({ replica, signal }) => [replica, signal])).toEqual(action.removed.map((replica) => [replica, '15']))
      const died = during.filter(({ action: what }) => what === 'die')
      expect(died.map(({ replica, exitCode }) => [replica, exitCode])).toEqual(action.removed.map((replica) => [replica, '0']))
    }
    expect(deaths.events.filter(({ action }) => action === 'destroy').map(({ replica }) => replica)).toEqual(['ws-4', 'ws-3'])
  })

  test('the first two replicas remain', async () => {
    expect((await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))).toEqual(['ws-1', 'ws-2'])
  })

  test('an idle scaler needs little CPU', async () => {
    const [scaler] = await containers(stack, services.scaler)
    const cpu = 'avg_over_time(rate(process_cpu_seconds_total{job="scaler"}[20s])[20s:5s])'
    const [sample] = await query(stack, cpu)
    const memory = (await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', scaler?.Id ?? ''])).split(' / ')[0]
    addFigure('scalerCpuShareAtTimeScale', { share: sample?.value, timeScale })
    addFigure('scalerMemory', memory)
    // In this test, the scaler runs five times as often as normal, so a CPU usage of 5 % of a core corresponds to 1 % at the normal rate.
    expect(sample?.value).toBeLessThan(0.05)
  })
})
