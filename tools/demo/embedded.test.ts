/** Plays two short scenes on a real embedded lab, and runs the `demo` command with an interrupt and with invalid options. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenOf, noneLeft } from '@lab/embedded/test/lab-process.ts'
import { root } from '@lab/host/root.ts'
import { startEmbeddedLab } from '@lab/lab/embedded/process.ts'
import { expect, onTestFinished, test } from 'vitest'
import { readEvents } from './core/events.ts'
import { runScene } from './run.ts'
import { drain } from './scenes/drain.ts'
import { steady } from './scenes/steady.ts'

const demo = [join(root, 'tools/cli/src/main.ts'), 'demo']

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'demo-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

test('steady and drain pass on an embedded lab, and each restores its initial state', async () => {
  const lab = await startEmbeddedLab({ timeScale: 20 })
  onTestFinished(() => lab.close())
  const files = await folder()
  for (const scene of [steady, drain]) {
    const said: string[] = []
    const eventsFile = join(files, `${scene.name}.jsonl`)
    const transcriptFile = join(files, `${scene.name}.txt`)
    const say = (line: string) => void said.push(line)
    const signal = new AbortController().signal
    const { verdict, text } = await runScene(scene, lab, { seed: 3, short: true, eventsFile, transcriptFile, say, signal })
    expect({ verdict, text }).toEqual({ verdict: 'passed', text: 'every fact was met' })
    const events = readEvents(await readFile(eventsFile, 'utf8'))
    expect(events.at(-1)?.kind).toBe('end')
    expect(await readFile(transcriptFile, 'utf8')).toBe(`${said.join('\n')}\n`)
    const loaded = events.find(({ kind }) => kind === 'load')
    expect(events.filter(({ kind }) => kind === 'say').length).toBeGreaterThan(2)
    expect(loaded).toMatchObject({ sockets: scene === steady ? 150 : 240 })
    await expect.poll(async () => (await lab.readings()).scaler?.paused).toBe(false)
    await expect.poll(async () => (await lab.readings()).loadWanted).toBe(0)
  }
}, 150_000)

test('Ctrl-C undoes the scene, stops its lab, and exits with 130', async () => {
  const files = await folder()
  const events = join(files, 'events.jsonl')
  const ran = spawn(process.execPath, [...demo, 'steady', '--on', 'embedded', '--events', events], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void ran.kill('SIGKILL'))
  let output = ''
  for (const stream of [ran.stdout, ran.stderr]) stream.on('data', (data) => (output += data))
  await expect.poll(() => output, { timeout: 30_000 }).toContain('> load')
  const family = await childrenOf(ran.pid)
  const exited = once(ran, 'exit')
  ran.kill('SIGINT')
  expect((await exited)[0]).toBe(130)
  expect(output).toMatch(/< the load ends\n\ninterrupted: interrupted/)
  expect(readEvents(await readFile(events, 'utf8')).at(-1)).toMatchObject({ kind: 'end', verdict: 'interrupted' })
  // The interrupted command had started at least two processes: the lab and the lab's guard process.
  expect(family.length).toBeGreaterThanOrEqual(2)
  await noneLeft(family, 10_000)
}, 150_000)

test.each([
  [['nothing'], 2, 'there is no scene nothing; the scenes are steady, surge'],
  [['steady', '--page', 'http://127.0.0.1:1'], 2, 'no embedded lab at http://127.0.0.1:1'],
  [['steady', '--page', 'http://127.0.0.1:1', '--time-scale', '5'], 2, '--time-scale cannot change a running embedded lab'],
  [['steady', '--on', 'compose', '--page', 'http://127.0.0.1:1'], 2, '--page and --valkey apply to the embedded lab only'],
  [['steady', '--time-scale', '0'], 2, 'allowed is a whole number from 1 to 100'],
  [['steady', '--on', 'mars'], 2, 'allowed choices are compose, embedded'],
  [['--list', '--json'], 0, '"name": "surge"'],
])('%j exits with %i and prints %s', async (options, code, text) => {
  const ran = spawn(process.execPath, [...demo, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [ran.stdout, ran.stderr]) stream.on('data', (data) => (output += data))
  const [exitCode] = await once(ran, 'close')
  expect(output).toContain(text)
  expect(exitCode).toBe(code)
})
