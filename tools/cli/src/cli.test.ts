/** Runs the `./lab` command as a process, and runs the `doctor` command's probes on real ports and files. Needs no Docker. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { root } from '@lab/host/root.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noAnswer } from './doctor/engine-probe.ts'
import { freePortAfter, portOwner, probePort } from './doctor/port-probe.ts'
import { probeLineEndings } from './doctor/probes.ts'
import { createProgram } from './program.ts'

const command = join(root, 'lab')
const temporary = mkdtempSync(join(tmpdir(), 'lab-cli-'))

afterAll(() => rmSync(temporary, { recursive: true }))

async function lab(args: readonly string[], { file = command, env = {} }: { file?: string; env?: Record<string, string> } = {}) {
  // On Windows, the tests run main.ts directly with Node, as lab.cmd does.
  const [program, ...before] = process.platform === 'win32' ? [process.execPath, join(root, 'tools/cli/src/main.ts')] : ['/bin/sh', file]
  const ran = await execa(program, [...before, ...args], { cwd: temporary, env, reject: false, stdin: 'ignore', timeout: 60_000 })
  return { exitCode: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr }
}

describe('exit codes', () => {
  test('help exits with 0', async () => {
    const { exitCode, stdout } = await lab(['--help'])
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/Exit codes:\n {2}0 +as expected\n {2}1 +not as expected/)])
  })

  test('without a command it prints its help, and so do command groups', async () => {
    expect(await lab([])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Usage: \.\/lab/) })
    expect(await lab(['scaler'])).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^Usage: \.\/lab scaler/) })
  })

  test.each([
    [['load', 'abc'], 'lab: what abc: allowed are a number of sockets'],
    [['load', '5', '--duration', 'long'], 'lab: --duration long: allowed are durations'],
    [['open', '--on', 'mars'], 'lab: --on mars: allowed choices are compose, embedded, kubernetes'],
  ])('%j is rejected with a plain error', async (args, says) => {
    const { exitCode, stderr } = await lab(args)
    expect([exitCode, stderr.startsWith(says), stderr]).toEqual([2, true, stderr])
  })

  test.each([
    [['fly'], /unknown command 'fly'/],
    [['scale', 'many'], /whole number from 0 to 100/],
    [['load', 'chaos'], /number of sockets and default, smoke/],
    [['load', '0'], /from 1 to 20000, or 0 while a k6 run is in progress/],
    [['load', '5', '--duration', 'long'], /90s, 15m/],
    [['soak', '10s'], /from 2 minutes to 30 days/],
    [['soak', 'long'], /90s, 15m/],
    [['open', 'nothing'], /allowed choices are page/],
    [['up', '--fast'], /unknown option '--fast'/],
    [['workshop', 'check', '14'], /number from 1 to 13/],
    [['tls', '--host', 'a b'], /host names and IP addresses/],
    [['tls', '--host', 'lab.example:8443'], /without a port/],
    [['load', '5', '--page', 'localhost'], /address as in http/],
    [['load', 'spike', '--on', 'embedded'], /--on embedded accepts a number of sockets from 0 to/],
    [['scale', '50', '--on', 'embedded'], /from 1 to 20/],
    [['status', '--on', 'cluster'], /allowed choices are compose, embedded, kubernetes/],
    [['scaler', 'get'], /missing required argument 'resource'/],
    [['bench', '--only', 'nothing'], /allowed choices are echo1/],
  ])('%j is rejected with one line that contains the allowed values, and exit code 2', async (args, says) => {
    const { exitCode, stderr, stdout } = await lab(args)
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(says)
    expect(stderr.split('\n')).toHaveLength(1)
  })

  test('nuke fails when there is no terminal for its confirmation', async () => {
    const { exitCode, stderr } = await lab(['nuke'])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('--yes')])
  })
})

describe('tls', () => {
  const folder = join(temporary, 'certificates')
  const tls = (...args: string[]) => lab(['tls', '--folder', folder, ...args])

  test('creates a certificate for its names, signed by an authority without a key, and removes it', async () => {
    expect(await tls('--host', 'lab.example', '192.0.2.1')).toMatchObject({ exitCode: 0, stdout: '' })
    const file = (name: string) => readFileSync(join(folder, name), 'utf8')
    const [certificate, authority] = [new X509Certificate(file('lab.crt')), new X509Certificate(file('authority/lab-authority.crt'))]
    expect(certificate.verify(authority.publicKey)).toBe(true)
    expect(certificate.checkPrivateKey(createPrivateKey(file('lab.key')))).toBe(true)
    for (const name of ['localhost', 'traefik', 'lab.example']) expect(certificate.checkHost(name)).toBe(name)
    for (const address of ['127.0.0.1', '::1', '192.0.2.1']) expect(certificate.checkIP(address)).toBe(address)
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['authority', 'authority/lab-authority.crt', 'lab.crt', 'lab.key'])
    expect((await tls('--remove')).exitCode).toBe(0)
    expect(readdirSync(folder, { recursive: true })).toEqual(['authority'])
    expect(await tls('--remove')).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^lab: --remove: there is no [^\n]*$/) })
  })

  test('keeps a certificate that it has not created', async () => {
    writeFileSync(join(folder, 'lab.crt'), 'mine')
    expect(await tls()).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^lab: [^\n]*lab.crt is not from .\/lab tls[^\n]*$/) })
    expect(readFileSync(join(folder, 'lab.crt'), 'utf8')).toBe('mine')
  })

  test.each([
    [{ LAB_CERTIFICATE: 'false' }, 'lab: LAB_CERTIFICATE: the environment of this command has it'],
    [{ COMPOSE_DISABLE_ENV_FILE: '1' }, 'lab: LAB_CERTIFICATE writes .env, which COMPOSE_DISABLE_ENV_FILE turns off'],
  ])('is refused with %j, because Compose would not use the certificate', async (env, says) => {
    const { exitCode, stderr } = await lab(['tls'], { env })
    expect([exitCode, stderr.startsWith(says), stderr.split('\n')]).toEqual([1, true, [stderr]])
  })
})

describe('the command tree', () => {
  test('--help lists each command with its summary, in groups', async () => {
    const { stdout } = await lab(['--help'])
    const { commands } = await createProgram([])
    for (const one of commands) expect(stdout).toMatch(new RegExp(`^  ${one.name()} +${one.summary().slice(0, 20)}`, 'm'))
    expect(stdout.match(/^[A-Z].*:$/gm)).toEqual(expect.arrayContaining(['Run the lab:', 'Diagnose problems:', 'Develop the lab:']))
  })

  test('the listed commands are those that their modules add', async () => {
    const names = (await createProgram([])).commands.map((one) => one.name())
    const complete = (await createProgram()).commands
    expect(complete.map((one) => one.name())).toEqual(names)
    expect(complete.filter((one) => one.summary() === '' || one.description() === '')).toEqual([])
  })

  test('--version prints the version of the project', async () => {
    expect(await lab(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    })
  })

  test('the default decision log is relative to the checkout, and a path in an option is relative to the working directory', async () => {
    const env = { SCALER_STATE: 'reports/no-such-state' }
    const from = relative(realpathSync(temporary), join(root, 'reports/no-such-state'))
    const { exitCode, stderr } = await lab(['scaler', 'explain'], { env })
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`no decisions in ${from}`)])
    expect((await lab(['scaler', 'explain', '--state', 'mine'])).stderr).toContain('no decisions in mine')
  })

  test('the error for a missing embedded lab contains its address and the command that starts one', async () => {
    const { exitCode, stderr } = await lab(['status', '--page', 'http://127.0.0.1:1'])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^lab: no embedded lab at http:\/\/127\.0\.0\.1:1.*npm start/)])
  })
})

describe.skipIf(process.platform === 'win32')('the file lab', () => {
  const checkout = join(temporary, 'checkout')
  const bin = join(temporary, 'tools')
  const copy = join(checkout, 'lab')
  const nodeOf = (version: string) => {
    writeFileSync(join(bin, 'node'), `#!/bin/sh\n[ "$1" = -p ] && echo ${version} || echo "ran $*"\n`, { mode: 0o755 })
  }
  const started = (args: readonly string[] = []) => lab(args, { file: copy, env: { PATH: bin } })

  beforeAll(() => {
    mkdirSync(checkout)
    mkdirSync(bin)
    cpSync(command, copy)
  })

  test('is executable', () => {
    expect(statSync(command).mode & 0o111).toBe(0o111)
  })

  test('works through a symbolic link in another folder', async () => {
    const link = join(temporary, 'link')
    symlinkSync(command, link)
    expect(await lab(['--version'], { file: link })).toMatchObject({ exitCode: 0 })
  })

  test('reports the required version of Node when Node is missing or too old', async () => {
    const needed = { exitCode: 1, stdout: '', stderr: expect.stringMatching(/^lab: Node 20 or later is needed[^\n]*$/) }
    expect(await started()).toMatchObject(needed)
    nodeOf('18')
    expect(await started()).toMatchObject(needed)
  })

  test('reports in one line that npm ci is required', async () => {
    nodeOf('20')
    expect(await started()).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^lab: run npm ci first[^\n]*$/) })
  })

  test('is consistent with the npm scripts, which report the same in one line', async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    const own = Object.keys(scripts).filter((name) => !name.startsWith('pre'))
    // The `test` script needs no pre-script of its own, because it starts with `npm run check`.
    expect(own.filter((name) => name !== 'test' && scripts[`pre${name}`] !== 'node tools/cli/installed.mjs')).toEqual([])
    mkdirSync(join(checkout, 'tools/cli'), { recursive: true })
    cpSync(join(root, 'tools/cli/installed.mjs'), join(checkout, 'tools/cli/installed.mjs'))
    writeFileSync(join(checkout, 'package.json'), JSON.stringify({ name: 'x', scripts }))
    for (const script of ['start', 'test']) {
      const { exitCode, stderr } = await execa('npm', ['run', '--silent', script], { cwd: checkout, reject: false })
      expect([exitCode, stderr]).toEqual([1, `lab: run npm ci first, in ${realpathSync(checkout)}/`])
    }
  })

  test("uses the system's Node 24, and reports the missing version when the system's Node is older", async () => {
    mkdirSync(join(checkout, 'node_modules'))
    nodeOf('22')
    expect(await started()).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^lab: npm ci did not install Node 24[^\n]*$/) })
    nodeOf('24')
    const { stdout } = await started(['up', 'a b'])
    expect(stdout).toBe(`ran ${realpathSync(checkout)}/tools/cli/src/main.ts up a b`)
  })

  test("prefers the project's own Node to the system's", async () => {
    mkdirSync(join(checkout, 'node_modules/node/bin'), { recursive: true })
    writeFileSync(join(checkout, 'node_modules/node/bin/node'), '#!/bin/sh\necho own\n', { mode: 0o755 })
    expect((await started()).stdout).toBe('own')
  })

  test('exits quietly when the reader closes the pipe', async () => {
    const typed = `${command} conformance --answers ${join(root, 'scaler/conformance/public.jsonl')} | head -n 1`
    const { stdout, stderr, exitCode } = await execa('bash', ['-o', 'pipefail', '-c', typed], { reject: false, timeout: 60_000 })
    expect({ exitCode, stderr, lines: stdout.split('\n').length }).toEqual({ exitCode: 0, stderr: '', lines: 1 })
  })
})

describe.skipIf(process.platform === 'win32')('nuke with a fake docker', () => {
  const state = join(temporary, 'state')
  const path = join(temporary, 'bin')
  const nuke = (dockerEndsWith: number) => {
    mkdirSync(state, { recursive: true })
    for (const file of ['decisions.jsonl', 'decisions.1.jsonl', 'paused', 'notes.txt']) writeFileSync(join(state, file), '')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'docker'), `#!/bin/sh\nexit ${dockerEndsWith}\n`, { mode: 0o755 })
    return lab(['nuke', '--yes'], { env: { PATH: path, SCALER_STATE: state } })
  }

  test('deletes the files of the scaler, and no others', async () => {
    expect((await nuke(0)).exitCode).toBe(0)
    expect(readdirSync(state)).toEqual(['notes.txt'])
  })

  test('deletes nothing when the lab could not be stopped', async () => {
    expect((await nuke(1)).exitCode).toBe(1)
    expect(readdirSync(state)).toHaveLength(4)
  })
})

/** The `script` program runs the command in a terminal and passes its own input to the command. */
test.skipIf(process.platform !== 'linux')(
  'in a terminal, nuke shows its docker command and deletes nothing when the answer is no',
  async () => {
    const { exitCode, stdout } = await execa('script', ['-qec', `${command} nuke`, '/dev/null'], {
      input: 'n\n',
      reject: false,
      timeout: 60_000,
    })
    expect(stdout).toMatch(/docker compose .* down --volumes[\s\S]*\[y\/N\][\s\S]*Nothing was deleted/)
    expect(exitCode).toBe(0)
  },
)

describe('without Docker', () => {
  const nowhere = join(temporary, 'empty')
  mkdirSync(nowhere)

  test('doctor reports the missing command, and still checks ports and disk', async () => {
    const { exitCode, stdout } = await lab(['doctor', '--json'], { env: { PATH: nowhere } })
    const { findings } = JSON.parse(stdout) as { findings: { name?: string; subject: string }[] }
    expect(exitCode).toBe(1)
    expect(findings.map(({ name }) => name)).toContain('docker-missing')
    expect(findings.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['ports', 'disk']))
  })

  test('workshop check reports as text and as JSON that the lab does not run', async () => {
    const { exitCode, stdout, stderr } = await lab(['workshop', 'check', '4', '--json'], { env: { PATH: nowhere } })
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('this command is not installed')])
    expect(JSON.parse(stdout)).toMatchObject({ running: false, step: 4 })
  })

  test('up fails before it starts anything', async () => {
    const { exitCode, stderr } = await lab(['up'], { env: { PATH: nowhere } })
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('the docker command is not installed')])
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
])('the error "%s" means %s', (stderr, state) => {
  expect(noAnswer({ exitCode: 1, stdout: '', stderr, missing: false, timedOut: false, stopped: false })).toMatchObject({ state })
})

describe('ports', () => {
  let server: Server
  let port = 0

  beforeAll(async () => {
    server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })

  test('a port with a listener is taken, and the process is named', async () => {
    expect(await probePort(port)).toBe('taken')
    expect(await portOwner(port)).toMatch(new RegExp(`\\(process ${process.pid}\\)`))
  })

  test('the proposed port is free and not used elsewhere in the lab', async () => {
    const free = (await freePortAfter(port, new Set())) ?? 0
    expect(free).toBeGreaterThan(port)
    expect(await probePort(free)).toBe('free')
    expect(await freePortAfter(port, new Set([free]))).toBeGreaterThan(free)
  })

  const firstForAll = process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) : 0

  test.skipIf(process.getuid?.() !== 0 || firstForAll < 2)('a privileged port is reported as denied, not as taken', async () => {
    // The process switches to an unprivileged user only after the import, because this user may not be able to read the checkout.
    const ask = `import('${root}tools/cli/src/doctor/port-probe.ts').then(async ({ probePort }) => {
      process.seteuid(65534)
      console.log(await probePort(1))
    })`
    expect((await execa(process.execPath, ['-e', ask])).stdout).toBe('denied')
  })

  test('a port is free again when its listener has closed', async () => {
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

  test('LF is accepted, and binary files are ignored', async () => {
    expect(await probeLineEndings(clone)).toEqual({ ok: true, value: [] })
  })

  test('a carriage return in the work tree is reported', async () => {
    writeFileSync(join(clone, 'start.sh'), '#!/bin/sh\r\necho\r\n')
    expect(await probeLineEndings(clone)).toEqual({ ok: true, value: ['start.sh'] })
  })

  test('a folder without git is reported as such', async () => {
    expect(await probeLineEndings(temporary)).toEqual({ ok: false, problems: [expect.stringMatching(/not a git repository/)] })
  })
})
