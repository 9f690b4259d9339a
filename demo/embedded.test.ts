/** Two scenes on a real embedded lab, looked on for moments only; and the command, when it is interrupted or cannot begin. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { childrenOf, noneLeft } from '../embedded/test/lab-process.ts'
import { readEvents } from './core/events.ts'
import { runScene } from './run.ts'
import { drain } from './scenes/drain.ts'
import { steady } from './scenes/steady.ts'
import { embeddedStage } from './stages/embedded.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'demo-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

test('steady and drain pass on an embedded lab, which is as before in between', async () => {
  const stage = await embeddedStage({ timeScale: 20 })
  onTestFinished(() => stage.close())
  const files = await folder()
  for (const scene of [steady, drain]) {
    const said: string[] = []
    const eventsFile = join(files, `${scene.name}.jsonl`)
    const transcriptFile = join(files, `${scene.name}.txt`)
    const say = (line: string) => void said.push(line)
    const signal = new AbortController().signal
    const { verdict, text } = await runScene(scene, stage, { seed: 3, short: true, eventsFile, transcriptFile, say, signal })
    expect({ verdict, text }).toEqual({ verdict: 'passed', text: 'every fact was met' })
    const events = readEvents(await readFile(eventsFile, 'utf8'))
    expect(events.at(-1)?.kind).toBe('end')
    expect(await readFile(transcriptFile, 'utf8')).toBe(`${said.join('\n')}\n`)
    const loaded = events.find(({ kind }) => kind === 'load')
    expect(events.filter(({ kind }) => kind === 'say').length).toBeGreaterThan(2)
    expect(loaded).toMatchObject({ sockets: scene === steady ? 150 : 240 })
    await expect.poll(async () => (await stage.read()).scaler?.paused).toBe(false)
    await expect.poll(async () => (await stage.read()).loadWanted).toBe(0)
  }
}, 150_000)

test('Ctrl-C undoes the scene, ends its lab, and is its exit code', async () => {
  const files = await folder()
  const events = join(files, 'events.jsonl')
  const demo = spawn(process.execPath, [main, 'steady', '--on', 'embedded', '--events', events], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void demo.kill('SIGKILL'))
  let output = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (data) => (output += data))
  await expect.poll(() => output, { timeout: 30_000 }).toContain('> load')
  const family = await childrenOf(demo.pid)
  const exited = once(demo, 'exit')
  demo.kill('SIGINT')
  expect((await exited)[0]).toBe(130)
  expect(output).toMatch(/< the load ends\n\ninterrupted: interrupted/)
  expect(readEvents(await readFile(events, 'utf8')).at(-1)).toMatchObject({ kind: 'end', verdict: 'interrupted' })
  // The lab, its guard, and a Valkey where there is one.
  expect(family.length).toBeGreaterThanOrEqual(2)
  await noneLeft(family, 10_000)
}, 150_000)

test.each([
  [['nothing'], 2, 'there is no scene nothing; there are steady, surge'],
  [['steady', '--lab', 'http://127.0.0.1:1'], 2, 'no embedded lab at http://127.0.0.1:1'],
  [['steady', '--lab', 'http://127.0.0.1:1', '--time-scale', '5'], 2, 'a lab that runs has its own'],
  [['steady', '--on', 'compose', '--lab', 'http://127.0.0.1:1'], 2, '--lab and --valkey are for the embedded lab'],
  [['steady', '--time-scale', '0'], 1, 'Allowed is a whole number from 1 to 100'],
  [['steady', '--on', 'mars'], 1, 'Allowed choices are embedded, compose'],
  [['--list', '--json'], 0, '"name": "surge"'],
])('%j ends with %i and says %s', async (options, code, text) => {
  const demo = spawn(process.execPath, [main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (data) => (output += data))
  const [exitCode] = await once(demo, 'close')
  expect(output).toContain(text)
  expect(exitCode).toBe(code)
})
