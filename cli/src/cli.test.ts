/** The command itself, as a process, and doctor's probes on real ports and files. Needs no Docker. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from './docker.ts'
import { noAnswer } from './doctor/engine-probe.ts'
import { freePortAfter, portOwner, probePort } from './doctor/port-probe.ts'
import { probeLineEndings } from './doctor/probes.ts'

const shim = join(root, 'cli', 'bin', 'lab.js')
const temporary = mkdtempSync(join(tmpdir(), 'lab-cli-'))

afterAll(() => rmSync(temporary, { recursive: true }))

async function lab(args: readonly string[], env: Record<string, string> = {}) {
  const ran = await execa(process.execPath, [shim, ...args], { cwd: temporary, env, reject: false, stdin: 'ignore', timeout: 60_000 })
  return { exitCode: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr }
}

describe('exit codes', () => {
  test('help is fine', async () => {
    const { exitCode, stdout } = await lab(['--help'])
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('Exit codes: 0 fine, 1 error, 2 usage')])
  })

  test.each([
    [['fly'], /unknown command 'fly'/],
    [['scale', 'many'], /whole number from 0 to 100/],
    [['load', 'chaos'], /number of sockets and default, smoke/],
    [['load', '0'], /from 1 to 20000/],
    [['load', '5', '--duration', 'long'], /90s, 15m/],
    [['open', 'nothing'], /Allowed choices are page/],
    [['up', '--fast'], /unknown option '--fast'/],
    [['workshop', 'check', '13'], /number from 1 to 12/],
  ])('%j is wrong usage: one line, what is allowed, 2', async (args, says) => {
    const { exitCode, stderr, stdout } = await lab(args)
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(says)
  })

  test('nuke asks; where nobody can answer, it refuses', async () => {
    const { exitCode, stderr } = await lab(['nuke'])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('--yes')])
  })
})

describe.skipIf(process.platform === 'win32')('nuke, with a docker that does nothing', () => {
  const state = join(temporary, 'state')
  const path = join(temporary, 'bin')
  const nuke = (dockerEndsWith: number) => {
    mkdirSync(state, { recursive: true })
    for (const file of ['decisions.jsonl', 'decisions.1.jsonl', 'paused', 'notes.txt']) writeFileSync(join(state, file), '')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'docker'), `#!/bin/sh\nexit ${dockerEndsWith}\n`, { mode: 0o755 })
    return lab(['nuke', '--yes'], { PATH: path, SCALER_STATE: state })
  }

  test('forgets what the scaler kept, and nothing else', async () => {
    expect((await nuke(0)).exitCode).toBe(0)
    expect(readdirSync(state)).toEqual(['notes.txt'])
  })

  test('forgets nothing of a lab that it could not stop', async () => {
    expect((await nuke(1)).exitCode).toBe(1)
    expect(readdirSync(state)).toHaveLength(4)
  })
})

/** `script` gives the command a terminal, and takes the answer from its own input. */
test.skipIf(process.platform !== 'linux')('in a terminal, nuke shows its line and takes no for an answer', async () => {
  const command = `${process.execPath} ${shim} nuke`
  const { exitCode, stdout } = await execa('script', ['-qec', command, '/dev/null'], { input: 'n\n', reject: false, timeout: 60_000 })
  expect(stdout).toMatch(/docker compose .* down --volumes[\s\S]*\[y\/N\][\s\S]*nothing deleted/)
  expect(exitCode).toBe(0)
})

describe('without Docker', () => {
  const nowhere = join(temporary, 'empty')
  mkdirSync(nowhere)

  test('doctor says so, and all that can be known nevertheless', async () => {
    const { exitCode, stdout } = await lab(['doctor', '--json'], { PATH: nowhere })
    const { findings } = JSON.parse(stdout) as { findings: { name?: string; subject: string }[] }
    expect(exitCode).toBe(1)
    expect(findings.map(({ name }) => name)).toContain('docker-missing')
    expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['ports', 'disk']))
  })

  test('a check of the workshop says that the lab does not run, also to scripts', async () => {
    const { exitCode, stdout, stderr } = await lab(['workshop', 'check', '4', '--json'], { PATH: nowhere })
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('there is no such command here')])
    expect(JSON.parse(stdout)).toMatchObject({ running: false, step: 4 })
  })

  test('up is not tried', async () => {
    const { exitCode, stderr } = await lab(['up'], { PATH: nowhere })
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('there is no docker command here')])
  })
})

test.each([
  [
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: connect: permission denied',
    'denied',
  ],
  ['Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?', 'not-running'],
  ['failed to connect to the docker API at unix:///x.sock; check if the path is correct and if the daemon is running', 'not-running'],
  ['error during connect: open //./pipe/docker_engine: The system cannot find the file specified.', 'not-running'],
  ['open //./pipe/docker_engine: Access is denied.', 'denied'],
  ['Error response from daemon: client version 1.24 is too old. Minimum supported API version is 1.44', 'refused'],
])('"%s" is %s', (stderr, state) => {
  expect(noAnswer({ exitCode: 1, stdout: '', stderr, missing: false, timedOut: false })).toMatchObject({ state })
})

describe('ports', () => {
  let server: Server
  let port = 0

  beforeAll(async () => {
    server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })

  test('one that has a listener is taken, and its process is named', async () => {
    expect(await probePort(port)).toBe('taken')
    expect(await portOwner(port)).toMatch(new RegExp(`\\(process ${process.pid}\\)`))
  })

  test('the one proposed instead is free and not another one of the lab', async () => {
    const free = (await freePortAfter(port, new Set())) ?? 0
    expect(free).toBeGreaterThan(port)
    expect(await probePort(free)).toBe('free')
    expect(await freePortAfter(port, new Set([free]))).toBeGreaterThan(free)
  })

  const firstForAll = process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) : 0

  test.skipIf(process.getuid?.() !== 0 || firstForAll < 2)(
    'one that only root may open is denied to others, which is not taken',
    async () => {
      // It gives root up once the file is read, for others may not look into the checkout.
      const ask = `import('${root}cli/src/doctor/port-probe.ts').then(async ({ probePort }) => {
      process.seteuid(65534)
      console.log(await probePort(1))
    })`
      expect((await execa(process.execPath, ['-e', ask])).stdout).toBe('denied')
    },
  )

  test('is free again when its listener has gone', async () => {
    await new Promise((resolve) => server.close(resolve))
    expect(await probePort(port)).toBe('free')
  })
})

describe('line endings', () => {
  const clone = join(temporary, 'clone')
  const git = (...args: string[]) => execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: clone })

  beforeAll(async () => {
    mkdirSync(clone)
    writeFileSync(join(clone, '.gitattributes'), '* text=auto eol=lf\n*.png binary\n')
    writeFileSync(join(clone, 'start.sh'), '#!/bin/sh\necho\n')
    writeFileSync(join(clone, 'a.png'), 'P\r\n\0')
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '-m', 'x')
  })

  test("LF is fine, and what is in binary files is nobody's business", async () => {
    expect(await probeLineEndings(clone)).toEqual({ crlf: [] })
  })

  test('a carriage return in the work tree is found', async () => {
    writeFileSync(join(clone, 'start.sh'), '#!/bin/sh\r\necho\r\n')
    expect(await probeLineEndings(clone)).toEqual({ crlf: ['start.sh'] })
  })

  test('a folder without git is told apart', async () => {
    expect(await probeLineEndings(temporary)).toEqual({ problem: expect.stringMatching(/not a git repository/) })
  })
})
