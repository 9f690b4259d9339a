/** Tests how commands end after Ctrl-C, and after the npm process that started them has ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'

/** A fake docker command that runs for a second and records the signals it receives. */
const fakeDocker = `#!/bin/sh
trap 'echo "$1: SIGINT" >> "$LOG"; exit 130' INT
echo "$1: begun" >> "$LOG"
for tenth in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done
echo "$1: done" >> "$LOG"
`

/** A command that, like `demo` and `chaos`, changes something through Docker and undoes the change. */
const command = `
import { docker } from ${JSON.stringify(new URL('./docker.ts', import.meta.url).href)}
import { exitCodes, stopOnSignals } from ${JSON.stringify(new URL('./signals.ts', import.meta.url).href)}
const stop = stopOnSignals((signal, first) => console.log(signal, first))
try {
  await docker(['change'])
  if (!stop.aborted) await docker(['go-on'])
} finally {
  await docker(['undo'])
}
process.exitCode = stop.aborted ? exitCodes.interrupted : exitCodes.ok
`

test('Ctrl-C during a docker command: changes are undone, and the exit code is 130', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'signals-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const log = join(folder, 'log')
  await Promise.all([writeFile(join(folder, 'docker'), fakeDocker), writeFile(join(folder, 'command.ts'), command)])
  await chmod(join(folder, 'docker'), 0o755)
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, LOG: log }
  // As in a terminal, the command leads a process group, and the signal is sent to the whole group.
  const ran = spawn(process.execPath, [join(folder, 'command.ts')], { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const group = -(ran.pid ?? Number.NaN)
  onTestFinished(() => void (ran.exitCode === null && process.kill(group, 'SIGKILL')))
  let output = ''
  ran.stdout.on('data', (data) => (output += data))
  const exited = once(ran, 'exit')
  const logged = () => readFile(log, 'utf8').catch(() => '')
  await expect.poll(logged, { timeout: 10_000 }).toContain('change: begun')
  process.kill(group, 'SIGINT')
  await expect.poll(logged, { timeout: 10_000 }).toContain('undo: begun')
  process.kill(group, 'SIGINT')
  expect(await exited).toEqual([130, null])
  expect(output).toBe('SIGINT true\nSIGINT false\n')
  expect((await logged()).trim().split('\n')).toEqual(['change: begun', 'change: done', 'undo: begun', 'undo: done'])
})

/**
 * A command that npm runs as a script, for example with `npm start`. The command prints its process id, and exits when it receives SIGTERM.
 */
const longCommand = `
import { endWithNpm } from ${JSON.stringify(new URL('./signals.ts', import.meta.url).href)}
endWithNpm()
process.on('SIGTERM', () => process.exit())
setInterval(() => undefined, 1000)
console.log('pid ' + process.pid)
`

test.each([
  ['directly', `"${process.execPath}" command.ts`],
  ['through a shell that stays', `"${process.execPath}" command.ts; true`],
])('a command that npm started %s ends when npm is ended', async (_how, script) => {
  const folder = await mkdtemp(join(tmpdir(), 'npm-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'x', type: 'module', scripts: { start: script } }))
  await writeFile(join(folder, 'command.ts'), longCommand)
  const npm = spawn('npm', ['start'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void npm.kill('SIGKILL'))
  let output = ''
  npm.stdout.on('data', (data) => (output += data))
  const pid = () => Number(/^pid (\d+)$/m.exec(output)?.[1])
  await expect.poll(pid, { timeout: 20_000 }).toBeGreaterThan(0)
  const isAlive = () => {
    try {
      return process.kill(pid(), 0)
    } catch {
      return false
    }
  }
  onTestFinished(() => void (isAlive() && process.kill(pid(), 'SIGKILL')))
  expect(isAlive()).toBe(true)
  npm.kill('SIGKILL')
  await expect.poll(isAlive, { timeout: 10_000 }).toBe(false)
})

test('a command that npm did not start outlives its parent, as with nohup', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nohup-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'command.ts'), longCommand)
  const { npm_command: _npm, ...env } = process.env
  const shell = spawn('sh', ['-c', `"${process.execPath}" "${join(folder, 'command.ts')}" & sleep 1`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  shell.stdout.on('data', (data) => (output += data))
  await expect.poll(() => output, { timeout: 20_000 }).toMatch(/^pid \d+/)
  const pid = Number(output.slice(4))
  onTestFinished(() => void process.kill(pid, 'SIGKILL'))
  await once(shell, 'exit')
  await sleep(1_500)
  expect(process.kill(pid, 0)).toBe(true)
})
