/**
 * Plays a recording to a real kube-controller-manager with `./lab parity`. Needs no cluster, only the folder KUBEBUILDER_ASSETS with etcd,
 * kube-apiserver and kube-controller-manager.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@lab/host/docker.ts'
import { root } from '@lab/host/root.ts'
import { scenarioOfLog } from '@lab/scaler/replay/export.ts'
import { simulatedRecords } from '@lab/scaler/sim/records.ts'
import { simulations } from '@lab/scaler/sim/scenarios.ts'
import { expect, test } from 'vitest'

const folder = process.env.KUBEBUILDER_ASSETS ?? ''
const reason = folder === '' ? 'KUBEBUILDER_ASSETS is not set' : `${folder} has no kube-controller-manager`
const skipped = !existsSync(join(folder, 'kube-controller-manager'))
if (skipped) console.warn(`The parity test is skipped, because ${reason}.`)

const withinSeconds = 180
const recordingFile = `${root}reports/parity-recording.json`

/** Writes a recording of a short surge: 2 to 9 replicas, and down again one by one. */
async function writeRecording(): Promise<number> {
  const { surge } = simulations
  if (surge === undefined) throw new Error('no simulation')
  const clientsAt = (seconds: number) => (seconds < 30 ? 150 : seconds < 120 ? 900 : 120)
  const records = simulatedRecords({ ...surge, lab: { ...surge.lab, clientsAt }, durationSeconds: 420 })
  const exported = scenarioOfLog(JSON.parse(JSON.stringify(records)), { id: 'surge', source: 'simulated lab' })
  if (!exported.ok) throw new Error(exported.problems.join('\n'))
  await mkdir(`${root}reports`, { recursive: true })
  await writeFile(recordingFile, `${JSON.stringify(exported.value.scenario)}\n`)
  return records.length
}

test.skipIf(skipped)(
  'a real kube-controller-manager makes the decisions of the lab',
  { timeout: withinSeconds * 1000 + 20_000 },
  async () => {
    const moments = await writeRecording()
    const page = `${root}reports/parity.html`
    const args = ['tools/cli/src/main.ts', 'parity', recordingFile, '--binaries', folder, '--time-scale', '5', '--html', page]
    const { exitCode, stdout, stderr } = await run(process.execPath, args, { withinSeconds })
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
    const equal = ['count', 'desired', 'metrics', 'conditions', 'events'].map((level) => `${level} ${moments} of ${moments}`).join(', ')
    const [open, closed, curves, verdict] = stdout.split('\n')
    expect(open).toBe(`open loop, equal syncs: ${equal}`)
    expect(closed).toBe(`closed loop, equal syncs: ${equal}`)
    expect(curves).toMatch(/^replica curves: [01]\.\d+ % apart; \d+ changes, at most [01] syncs apart$/)
    expect(verdict).toMatch(/^parity with kube-controller-manager v1\./)
    const html = await readFile(page, 'utf8')
    expect(html).toContain('✓ PASS')
  },
)
