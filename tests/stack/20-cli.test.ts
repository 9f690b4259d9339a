/**
 * The command `lab` on real Docker: what doctor finds when it is made to be found, and a second lab, from saved images, beside
 * the one under test.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Finding } from '../../cli/src/doctor/finding.ts'
import type { Status } from '../../cli/src/status.ts'
import { services } from '../../contract/src/endpoints.ts'
import { imageOf, publishedPorts, root } from './lib/compose-file.ts'
import { docker } from './lib/docker.ts'
import { freePorts } from './lib/global-setup.ts'
import { compose, containers, type Stack, takeDown, url } from './lib/stack.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')
/** The second lab. */
const second: Pick<Stack, 'project' | 'env'> = { project: `${stack.project}-second`, env: await freePorts() }
const temporary = mkdtempSync(join(tmpdir(), 'lab-cli-'))
const startsWithinSeconds = 180

const environmentOf = ({ project, env }: Pick<Stack, 'project' | 'env'>) => ({
  ...env,
  COMPOSE_PROJECT_NAME: project,
  // A person's own settings can't change what is tested.
  COMPOSE_DISABLE_ENV_FILE: '1',
  COMPOSE_PROGRESS: 'plain',
})

interface Options {
  lab?: Pick<Stack, 'project' | 'env'>
  env?: Record<string, string>
  withinSeconds?: number
  uid?: number
}

/** Runs the command as a process. */
async function lab(args: readonly string[], { lab = second, env = {}, withinSeconds = 60, uid }: Options = {}) {
  const ran = await execa('node', ['cli/src/main.ts', ...args], {
    cwd: root,
    env: { ...environmentOf(lab), ...env },
    timeout: withinSeconds * 1000,
    reject: false,
    stdin: 'ignore',
    ...(uid !== undefined && { uid, gid: uid }),
  })
  return { exitCode: ran.exitCode, stdout: String(ran.stdout), stderr: String(ran.stderr) }
}

async function findings(options: Options = {}): Promise<{ exitCode: number; findings: Finding[] }> {
  const ran = await lab(['doctor', '--json'], options)
  const said = JSON.parse(ran.stdout) as { exitCode: number; findings: Finding[] }
  expect(ran.exitCode).toBe(said.exitCode)
  return said
}

const named = (all: readonly Finding[], name: string) => all.filter((finding) => finding.name === name)

async function status(of = second): Promise<Status> {
  return JSON.parse((await lab(['status', '--json'], { lab: of })).stdout) as Status
}

afterAll(() => {
  takeDown(second)
  rmSync(temporary, { recursive: true })
}, 120_000)

describe('doctor', () => {
  test('finds the engine, and the ports of the running lab to be its own', async () => {
    const all = (await findings({ lab: stack })).findings
    expect(all.find(({ subject }) => subject === 'engine')).toMatchObject({ level: 'fine', text: expect.stringMatching(/^Engine \d+/) })
    expect(named(all, 'port-taken')).toEqual([])
    expect(all.find(({ subject }) => subject === 'ports')?.text).toMatch(/^\d+ are the running lab's/)
  })

  test('says which container has a port, and which line gives another', async () => {
    const port = stack.env.LAB_PORT ?? ''
    const { exitCode, findings: all } = await findings({ env: { LAB_PORT: port } })
    const [taken] = named(all, 'port-taken')
    expect(exitCode).toBe(1)
    expect(taken?.text).toBe(`LAB_PORT=${port}: in use by the container ${stack.project}-traefik-1`)
    expect(taken?.advice).toMatch(/^Write into \.env: LAB_PORT=\d+$/)
  })

  test('says which process has a port, and up does not try', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const env = { GRAFANA_PORT: String((server.address() as AddressInfo).port) }
    try {
      expect(named((await findings({ env })).findings, 'port-taken')[0]?.text).toMatch(new RegExp(`\\(process ${process.pid}\\)$`))
      const { exitCode, stderr } = await lab(['up', '--offline'], { env })
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/GRAFANA_PORT[\s\S]*not started/)])
      expect(await containers(second, undefined, { stopped: true })).toEqual([])
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test('tells an engine that does not run', async () => {
    const { exitCode, findings: all } = await findings({ env: { DOCKER_HOST: `unix://${temporary}/none.sock` } })
    expect([exitCode, named(all, 'engine-not-running')]).toEqual([1, [expect.objectContaining({ level: 'blocked' })]])
  })

  test.skipIf(process.getuid?.() !== 0)('from one that this user may not use', async () => {
    const nobody = 65534
    const ran = await execa('docker', ['version'], { uid: nobody, gid: nobody, reject: false, env: { HOME: temporary } })
    expect(ran.stderr).toMatch(/permission denied/)
    const { noAnswer } = await import('../../cli/src/doctor/engine-probe.ts')
    expect(noAnswer({ exitCode: 1, stdout: '', stderr: String(ran.stderr), missing: false, timedOut: false }).state).toBe('denied')
  })

  test('finds that images are missing, and a lab of the same name from another folder', async () => {
    const labels = { project: second.project, service: services.traefik, 'project.working_dir': '/elsewhere' }
    const args = Object.entries(labels).flatMap(([name, value]) => ['--label', `com.docker.compose.${name}=${value}`])
    const id = (await docker(['create', ...args, imageOf(services.traefik)])).trim()
    try {
      const { exitCode, findings: all } = await findings()
      expect(named(all, 'images-missing')[0]?.text).toContain(`${second.project}-ws`)
      expect(named(all, 'containers-elsewhere')[0]?.text).toContain('/elsewhere')
      expect([exitCode, all.filter(({ level }) => level === 'blocked')]).toEqual([2, []])
    } finally {
      await docker(['rm', '--force', id])
    }
  })

  test('tells a configuration that makes no lab', async () => {
    const { findings: all } = await findings({ env: { LAB_PORT: 'eighty' } })
    expect(named(all, 'configuration-invalid')[0]?.text).toMatch(/eighty/)
  })
})

describe('a second lab, from saved images, beside the first', () => {
  const file = join(temporary, 'lab.tar')
  const missing = Object.keys(stack.missing)
  const without = missing.length > 0 ? ['--without', ...missing] : []

  beforeAll(async () => {
    // Only what is built: the others are named alike in both.
    const saved = await lab(['images', 'save', file, services.ws, services.alertReceiver], { lab: stack, withinSeconds: 180 })
    expect(saved, saved.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/2 images$/) })
    const loaded = await lab(['images', 'load', file], { withinSeconds: 180 })
    expect(loaded, loaded.stderr).toMatchObject({ exitCode: 0 })
    // Under the name that this project builds it by.
    expect(loaded.stderr).toContain(`docker tag ${stack.project}-ws:latest ${second.project}-ws:latest`)
    const up = await lab(['up', '--offline', ...without], { withinSeconds: startsWithinSeconds + 30 })
    expect(up.exitCode, up.stderr).toBe(0)
    expect(up.stderr).toContain('$ docker compose up -d --no-build --pull never --wait')
    expect(up.stdout).toContain(`http://localhost:${second.env.LAB_PORT}`)
  }, 480_000)

  test('both answer, each with replicas of its own', async () => {
    const pageOf = async (of: Pick<Stack, 'env'>) => (await fetch(url({ ...stack, ...of }, 'LAB_PORT', '/health'))).status
    expect([await pageOf(stack), await pageOf(second)]).toEqual([200, 200])
    expect((await status()).replicas).toHaveLength(3)
    expect((await status(stack)).replicas).toHaveLength((await containers(stack, services.ws)).length)
  })

  test('status knows each replica, its sockets, and every URL that is published', async () => {
    const known = await until(
      'sockets of all replicas known',
      async () => {
        const now = await status()
        return now.connections !== null && now.replicas.every(({ state }) => state === 'ready') && now
      },
      60_000,
      1_000,
    )
    expect(known.connections).toBe(0)
    const running = publishedPorts.filter(
      ({ service }) => known.services.some((one) => one.service === service) && !missing.includes(service),
    )
    const expected = running.map(({ variable }) => second.env[variable ?? ''])
    expect(known.urls.map(({ url: at }) => new URL(at).port).sort()).toEqual(expected.sort())
  })

  test('scale changes the second lab alone', { timeout: 120_000 }, async () => {
    const before = (await containers(stack, services.ws)).map(({ Id }) => Id)
    const scaled = await lab(['scale', '2'], { withinSeconds: 100 })
    expect(scaled.exitCode, scaled.stderr).toBe(0)
    expect((await containers(second, services.ws)).length).toBe(2)
    expect((await containers(stack, services.ws)).map(({ Id }) => Id)).toEqual(before)
  })

  test('load runs k6 and ends as its thresholds say', { timeout: 180_000 }, async () => {
    const ran = await lab(['load', '20', '--duration', '10s'], { withinSeconds: 170 })
    expect(ran.exitCode, `${ran.stderr}\n${ran.stdout}`).toBe(0)
    expect(ran.stderr).toMatch(/docker compose run --rm -e SOCKETS=20 -e DURATION=10 k6/)
  })

  test('open prints the URL, and refuses what is not there', async () => {
    const here = await lab(['open', 'prometheus'], { env: { DISPLAY: '', WAYLAND_DISPLAY: '' } })
    expect(here).toMatchObject({ exitCode: 0, stdout: `http://localhost:${second.env.PROMETHEUS_PORT}` })
    expect(await lab(['open', 'traces'])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('lab status') })
  })

  test('logs are those of the service', async () => {
    const { exitCode, stdout } = await lab(['logs', services.ws, '--tail', '5'])
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('ws-1')])
  })

  test('doctor finds a stopped container', async () => {
    const [alertReceiver] = await containers(second, services.alertReceiver)
    await docker(['stop', alertReceiver?.Id ?? ''])
    expect(named((await findings()).findings, 'containers-stopped')[0]?.text).toContain(`${second.project}-alert-receiver-1`)
    await compose(second, ['start', services.alertReceiver])
  })

  test('a report has the parts, and no secret', { timeout: 120_000 }, async () => {
    const folder = join(temporary, 'report')
    const secret = 'not for anybody to see'
    const ran = await lab(['report', '--output', folder], { env: { RESUME_SECRET: secret }, withinSeconds: 110 })
    expect(ran.exitCode, ran.stderr).toBe(0)
    const files = readdirSync(folder)
    expect(files).toEqual(
      expect.arrayContaining(['compose.json', 'containers.txt', 'doctor.json', 'environment.txt', 'log-ws.txt', 'versions.txt']),
    )
    // The same in one file, which is what gets sent.
    expect(ran.stdout.trim().split('\n').at(-1)).toMatch(/report\.tar\.gz$/)
    const packed = await execa('tar', ['--list', '--gzip', '--file', `${folder}.tar.gz`])
    expect(
      packed.stdout
        .split('\n')
        .filter((name) => !name.endsWith('/'))
        .sort(),
    ).toEqual(files.map((name) => `report/${name}`).sort())
    const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'))
    expect(texts.filter((text) => text.includes(secret))).toEqual([])
    expect(readFileSync(join(folder, 'compose.json'), 'utf8')).toContain('"RESUME_SECRET": "***"')
    expect(readFileSync(join(folder, 'versions.txt'), 'utf8')).toMatch(/Node v24[\s\S]*Docker Compose version/)
  })

  test('down keeps the volumes, nuke deletes them and the images that were built', { timeout: 150_000 }, async () => {
    const volumes = async () =>
      (await docker(['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${second.project}`])).trim()
    expect((await lab(['down'], { withinSeconds: 100 })).exitCode).toBe(0)
    expect(await containers(second, undefined, { stopped: true })).toEqual([])
    expect(await volumes()).not.toBe('')
    expect((await lab(['status'])).exitCode).toBe(1)
    // Its own: the checkout's scaler has nothing to do with this lab.
    const env = { SCALER_STATE: join(temporary, 'scaler') }
    expect((await lab(['nuke', '--yes'], { withinSeconds: 60, env })).exitCode).toBe(0)
    expect(await volumes()).toBe('')
    expect(await docker(['image', 'ls', '--quiet', `${second.project}-ws`])).toBe('')
    // The first lab did not notice.
    expect((await fetch(url(stack, 'LAB_PORT', '/health'))).status).toBe(200)
  })
})
