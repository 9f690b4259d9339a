/** Runs `prove` on a real embedded lab as a user would, once with a store shared by the replicas and once without a store. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lab } from '@lab/embedded/test/lab-process.ts'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { Report } from './core/report.ts'

const root = new URL('../..', import.meta.url).pathname

function prove(...args: string[]) {
  const options = { cwd: root, reject: false, stdin: 'ignore', timeout: 150_000, forceKillAfterDelay: 60_000 } as const
  return execa(process.execPath, ['tools/cli/src/main.ts', 'prove', ...args], options)
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'prove-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

async function sharedLab() {
  const started = await lab('--replicas', '2')
  onTestFinished(() => started.end())
  return started
}

test('nothing is lost during a drain, a crash and connection resets', { timeout: 200_000 }, async () => {
  const { page, state } = await sharedLab()
  const reports = await folder()
  const flags = ['--sockets', '40', '--rate', '20', '--faults', 'drain,kill,reset-mid-frame', '--minutes', '1', '--seed', '1']
  const ran = await prove('--page', page, ...flags, '--reports', reports, '--json')
  expect(ran.exitCode, `${ran.stderr}\n${ran.stdout}`).toBe(0)
  const report = JSON.parse(ran.stdout) as Report
  expect(report).toEqual(JSON.parse(await readFile(join(reports, 'prove.json'), 'utf8')))
  expect(report.verdict).toMatchObject({ pass: true, drops: { unexplained: {} } })
  for (const fault of ['drain', 'kill', 'reset-mid-frame'] as const) expect(report.verdict.faults[fault], fault).toBeGreaterThan(0)
  expect(report.verdict.counts.delivered).toBeGreaterThan(1000)
  expect(report.figures.reconnectAfterKillMs.count).toBeGreaterThan(0)
  expect(report.figures.awayDuringDrainMs.count).toBeGreaterThan(0)
  // The run had scaled the lab to three replicas. After the run, the lab has two replicas again, and its scaler has been resumed.
  const { replicas, scaler } = await state()
  expect(replicas.map((one) => one.state)).toEqual(['ready', 'ready'])
  expect(scaler.paused).toBe(false)
})

test('Ctrl-C ends the run, and the lab is restored', { timeout: 100_000 }, async () => {
  const { page, state } = await sharedLab()
  const ran = prove('--page', page, '--sockets', '10', '--faults', 'kill', '--minutes', '5', '--reports', await folder())
  for await (const line of ran.iterable({ from: 'stderr' })) if (line.includes('members in their rooms after')) ran.kill('SIGHUP')
  const { exitCode, stderr } = await ran
  expect(stderr).toContain('prove: ended by SIGHUP')
  expect(exitCode).toBe(130)
  const { replicas, scaler } = await state()
  expect(replicas.map((one) => one.state)).toEqual(['ready', 'ready'])
  expect(scaler.paused).toBe(false)
})

test('a run without a shared store is refused', { timeout: 60_000 }, async () => {
  const started = await lab('--replicas', '2', '--valkey', 'none')
  onTestFinished(() => started.end())
  const { exitCode, stderr } = await prove('--page', started.page, '--sockets', '5')
  expect(stderr).toMatch(/^\S+ prove: the replicas of http:\S+ share no store: start the lab without --valkey none$/)
  expect(exitCode).toBe(2)
})

test.each([
  [['--page', 'http://127.0.0.1:1'], 'no embedded lab at http://127.0.0.1:1'],
  [['--on', 'embedded', '--faults', 'traefik-reload'], '--faults traefik-reload: allowed on the embedded lab are'],
  [['--sockets', '0'], 'allowed is a whole number from 1 to 20000'],
  [['--minutes', 'x'], 'allowed is a number from 0.1 to 1440'],
  [['--entry', 'localhost'], 'allowed is ws://HOST:PORT'],
  [['--colour', 'red'], "unknown option '--colour'"],
])('%j cannot be tried, and reports why', { timeout: 30_000 }, async (args, why) => {
  const { exitCode, stderr } = await prove(...args)
  expect(stderr).toContain(why)
  expect(exitCode).toBe(2)
})
