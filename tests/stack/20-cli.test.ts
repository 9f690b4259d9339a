/**
 * Tests the `lab` command with real Docker: the problems that `doctor` reports, and a second lab that starts from saved images alongside
 * the lab under test.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '@lab/cli/doctor/finding.ts'
import type { Status } from '@lab/cli/status.ts'
import { services } from '@lab/contract/endpoints.ts'
import { docker, run } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { places } from '@lab/lab/compose/places.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { imageOf, root } from './lib/compose-file.ts'
import { freePorts } from './lib/global-setup.ts'
import { compose, containers, type Stack, takeDown, url } from './lib/stack.ts'

const stack = inject('stack')
/** The second lab. */
const second: Pick<Stack, 'project' | 'env'> = { project: `${stack.project}-second`, env: await freePorts() }
const temporary = mkdtempSync(join(tmpdir(), 'lab-cli-'))
const startsWithinSeconds = 180

const environmentOf = ({ project, env }: Pick<Stack, 'project' | 'env'>) => ({
  ...env,
  COMPOSE_PROJECT_NAME: project,
  // The user's settings must not affect the tests.
  COMPOSE_DISABLE_ENV_FILE: '1',
  COMPOSE_PROGRESS: 'plain',
})

interface Options {
  lab?: Pick<Stack, 'project' | 'env'>
  env?: Record<string, string>
  withinSeconds?: number
  uid?: number
}

/** Runs the `lab` command as a separate process. */
async function lab(args: readonly string[], { lab = second, env = {}, withinSeconds = 60, uid }: Options = {}) {
  const ran = await execa(join(root, 'lab'), args, {
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
  const report = JSON.parse(ran.stdout) as { exitCode: number; findings: Finding[] }
  expect(ran.exitCode).toBe(report.exitCode)
  return report
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
  test('finds the engine, and recognises the ports of the running lab', async () => {
    const all = (await findings({ lab: stack })).findings
    expect(all.find(({ subject }) => subject === 'engine')).toMatchObject({ level: 'fine', text: expect.stringMatching(/^Engine \d+/) })
    expect(named(all, 'port-taken')).toEqual([])
    expect(all.find(({ subject }) => subject === 'ports')?.text).toMatch(/^\d+ are used by the running lab/)
  })

  test('names the container that uses a port, and a setting for another port', async () => {
    const port = stack.env.LAB_PORT ?? ''
    const { exitCode, findings: all } = await findings({ env: { LAB_PORT: port } })
    const [taken] = named(all, 'port-taken')
    expect(exitCode).toBe(1)
    expect(taken?.text).toBe(`LAB_PORT=${port}: in use by the container ${stack.project}-traefik-1`)
    expect(taken?.advice).toMatch(/^Set in \.env: LAB_PORT=\d+$/)
  })

  test('names the process that uses a port, and up does not start', async () => {
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

  test('reports an engine that does not run', async () => {
    const { exitCode, findings: all } = await findings({ env: { DOCKER_HOST: `unix://${temporary}/none.sock` } })
    expect([exitCode, named(all, 'engine-not-running')]).toEqual([1, [expect.objectContaining({ level: 'blocked' })]])
  })

  test.skipIf(process.getuid?.() !== 0)('reports an engine that this user may not access', async () => {
    const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const ran = await run('setpriv', [...asNobody, 'docker', 'version'], { env: { HOME: temporary } })
    expect(ran.stderr).toMatch(/permission denied/)
    const { noAnswer } = await import('@lab/cli/doctor/engine-probe.ts')
    expect(noAnswer(ran).state).toBe('denied')
  })

  test('finds missing images, and a lab of the same name from another folder', async () => {
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

  test('reports an invalid configuration', async () => {
    const { findings: all } = await findings({ env: { LAB_PORT: 'eighty' } })
    expect(named(all, 'configuration-invalid')[0]?.text).toMatch(/eighty/)
  })
})

describe('a second lab from saved images', () => {
  const file = join(temporary, 'lab.tar')
  const missing = Object.keys(stack.missing)
  const without = missing.length > 0 ? ['--without', ...missing] : []

  beforeAll(async () => {
    // Only images that the lab builds itself are saved, because pulled images have the same name in every lab on this machine.
    const saved = await lab(['images', 'save', file, services.ws, services.alertReceiver, services.live], {
      lab: stack,
      withinSeconds: 180,
    })
    expect(saved, saved.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/3 images$/) })
    const loaded = await lab(['images', 'load', file], { withinSeconds: 180 })
    expect(loaded, loaded.stderr).toMatchObject({ exitCode: 0 })
    // `images load` gives the loaded image the name that Compose would give it if it were built for the second lab.
    expect(loaded.stderr).toContain(`docker tag ${stack.project}-ws:latest ${second.project}-ws:latest`)
    const up = await lab(['up', '--offline', ...without], { withinSeconds: startsWithinSeconds + 30 })
    expect(up.exitCode, up.stderr).toBe(0)
    expect(up.stderr).toContain('$ docker compose up -d --no-build --pull never --wait')
    expect(up.stdout).toContain(`http://localhost:${second.env.LAB_PORT}`)
  }, 480_000)

  test('both labs answer, each with its own replicas', async () => {
    const pageOf = async (of: Pick<Stack, 'env'>) => (await fetch(url({ ...stack, ...of }, 'LAB_PORT', '/health'))).status
    expect([await pageOf(stack), await pageOf(second)]).toEqual([200, 200])
    expect((await status()).replicas).toHaveLength(3)
    expect((await status(stack)).replicas).toHaveLength((await containers(stack, services.ws)).length)
  })

  test('status lists each replica, its sockets, and every published URL', async () => {
    const known = await until(
      'the sockets of all replicas are known',
      async () => {
        const now = await status()
        return now.connections !== null && now.replicas.every(({ state }) => state === 'ready') && now
      },
      { withinMs: 60_000, everyMs: 1_000 },
    )
    expect(known.connections).toBe(0)
    // Traefik publishes all the lab's ports, but `./lab status` lists only the addresses of running services.
    const running = places.filter(({ service }) => known.services.some((one) => one.service === service) && !missing.includes(service))
    const expected = running.map(({ variable }) => second.env[variable])
    expect(known.urls.map(({ url: at }) => new URL(at).port).sort()).toEqual(expected.sort())
  })

  test('scale changes only the second lab', { timeout: 120_000 }, async () => {
    const before = (await containers(stack, services.ws)).map(({ Id }) => Id)
    const scaled = await lab(['scale', '2'], { withinSeconds: 100 })
    expect(scaled.exitCode, scaled.stderr).toBe(0)
    expect((await containers(second, services.ws)).length).toBe(2)
    expect((await containers(stack, services.ws)).map(({ Id }) => Id)).toEqual(before)
  })

  test('load runs k6 and exits according to its thresholds', { timeout: 180_000 }, async () => {
    const ran = await lab(['load', '20', '--duration', '10s'], { withinSeconds: 170 })
    expect(ran.exitCode, `${ran.stderr}\n${ran.stdout}`).toBe(0)
    expect(ran.stderr).toMatch(/docker compose run --rm -e SOCKETS=20 -e DURATION=10 k6/)
  })

  test('open prints the URL, and refuses services that do not run', async () => {
    const here = await lab(['open', 'prometheus'], { env: { DISPLAY: '', WAYLAND_DISPLAY: '' } })
    expect(here).toMatchObject({ exitCode: 0, stdout: `http://localhost:${second.env.PROMETHEUS_PORT}` })
    expect(await lab(['open', 'traces'])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('./lab status') })
  })

  test('logs refuses an unknown service, and names the allowed ones', async () => {
    const { exitCode, stdout, stderr } = await lab(['logs', 'nosuch'])
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^lab: no service nosuch; allowed are actuator, alert-receiver, .*\bws\b[^\n]*$/)
  })

  test('logs prints the logs of the service', async () => {
    const { exitCode, stdout } = await lab(['logs', services.ws, '--tail', '5'])
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('ws-1')])
  })

  test('doctor finds a stopped container', async () => {
    const [alertReceiver] = await containers(second, services.alertReceiver)
    await docker(['stop', alertReceiver?.Id ?? ''])
    expect(named((await findings()).findings, 'containers-stopped')[0]?.text).toContain(`${second.project}-alert-receiver-1`)
    await compose(second, ['start', services.alertReceiver])
  })

  test('a report has all parts, and no secret', { timeout: 120_000 }, async () => {
    const folder = join(temporary, 'report')
    const secret = 'not for anybody to see'
    const ran = await lab(['report', '--output', folder], { env: { RESUME_SECRET: secret }, withinSeconds: 110 })
    expect(ran.exitCode, ran.stderr).toBe(0)
    const files = readdirSync(folder)
    expect(files).toEqual(
      expect.arrayContaining(['compose.json', 'containers.txt', 'doctor.json', 'environment.txt', 'log-ws.txt', 'versions.txt']),
    )
    // The output's last line is the path of an archive, which must contain all files in the report folder.
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
    expect(readFileSync(join(folder, 'compose.json'), 'utf8')).toContain('"VALKEY_URL": "***"')
    expect(readFileSync(join(folder, 'versions.txt'), 'utf8')).toMatch(/Node v24[\s\S]*Docker Compose version/)
  })

  test('down retains the volumes; nuke deletes them and the built images', { timeout: 150_000 }, async () => {
    const volumes = async () =>
      (await docker(['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${second.project}`])).trim()
    expect((await lab(['down'], { withinSeconds: 100 })).exitCode).toBe(0)
    expect(await containers(second, undefined, { stopped: true })).toEqual([])
    expect(await volumes()).not.toBe('')
    expect((await lab(['status'])).exitCode).toBe(1)
    // A separate state folder ensures that `nuke` does not delete the state of this checkout's own scaler.
    const env = { SCALER_STATE: join(temporary, 'scaler') }
    expect((await lab(['nuke', '--yes'], { withinSeconds: 60, env })).exitCode).toBe(0)
    expect(await volumes()).toBe('')
    expect(await docker(['image', 'ls', '--quiet', `${second.project}-ws`])).toBe('')
    // The lab under test is unaffected by the second lab.
    expect((await fetch(url(stack, 'LAB_PORT', '/health'))).status).toBe(200)
  })
})
