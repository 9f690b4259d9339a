/** Runs the lab's commands with `--on kubernetes`, as in docs/kubernetes.md, and checks their output and the state of the cluster. */
import { readFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { nameLabel, namespace } from '@lab/contract/kubernetes.ts'
import { root } from '@lab/host/root.ts'
import { until } from '@lab/host/until.ts'
import { ClusterRollouts } from '@lab/lab/kubernetes/rollout/rollouts.ts'
import type { Report } from '@lab/prove/core/report.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { block, entry, inLab, pods, readyPods, type } from './lib/cluster.ts'

const look = block('./lab status --on kubernetes')
const replace = block('./lab rollout --set LOG_LEVEL=debug --on kubernetes')
const disturb = block('./lab chaos kill --on kubernetes')

function startLab(args: readonly string[], env: Record<string, string> = {}) {
  return execa(process.execPath, ['tools/cli/src/main.ts', ...args, '--on', 'kubernetes'], {
    cwd: root,
    env: { LAB_INGRESS: entry, ...env },
    reject: false,
    stdin: 'ignore',
    timeout: 180_000,
  })
}

async function lab(args: readonly string[], env: Record<string, string> = {}) {
  const ran = await startLab(args, env)
  return { exitCode: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr }
}

/** Returns the policies by which the HPA scales; `Disabled` means that it is paused. */
const policies = () =>
  inLab(['get', 'hpa', services.ws, '-o', 'jsonpath={.spec.behavior.scaleUp.selectPolicy} {.spec.behavior.scaleDown.selectPolicy}'])

test('without a cluster, there is one line with a command', async () => {
  const { exitCode, stdout, stderr } = await lab(['status'], { KUBECONFIG: '/dev/null' })
  expect([exitCode, stdout, stderr]).toEqual([1, '', 'lab: kubectl has no current context: kubectl config use-context NAME'])
})

describe.skipIf(inject('cluster') !== 'nodes')('on the lab in the cluster', () => {
  beforeAll(async () => {
    process.env.LAB_INGRESS = entry
    await until('two replicas', async () => (await readyPods()).length === 2 && (await pods()).length === 2, {
      withinMs: 420_000,
      everyMs: 1000,
    })
  }, 430_000)

  afterAll(async () => {
    await inLab(['scale', `deployment/${services.ws}`, '--replicas=2'])
  })

  test('status lists the pods, their sockets and the entry', async () => {
    const { exitCode, stdout } = await lab(['status', '--json'])
    expect(exitCode).toBe(0)
    const status = JSON.parse(stdout) as {
      replicas: { name: string; state: string; health: string; connections: number }[]
      services: { service: string }[]
      urls: { url: string }[]
    }
    expect(status.replicas.map(({ name }) => name).sort()).toEqual(await readyPods())
    for (const { state, health, connections } of status.replicas) expect([state, health, connections]).toEqual(['ready', 'Ready', 0])
    expect(status.services.map(({ service }) => service)).toEqual(expect.arrayContaining([services.valkey, services.prometheus]))
    expect(status.urls.map(({ url }) => url)).toEqual([entry])
  })

  test('open prints the entry, and explains how to reach a page that the Ingress does not publish', async () => {
    expect((await lab(['open', '--print'])).stdout).toBe(entry)
    const { exitCode, stderr } = await lab(['open', 'grafana', '--print'])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('kubectl -n ws-lab port-forward service/grafana 3000')])
  })

  test.each([
    ['15', 'the HPA ws allows 2 to 10 replicas, and would undo 15'],
    ['1', 'the HPA ws allows 2 to 10 replicas, and would undo 1;'],
  ])('scale %s is refused, because it is outside the limits of the HPA', async (replicas, says) => {
    const { exitCode, stderr } = await lab(['scale', replicas])
    expect([exitCode, stderr.split('\n').at(-1)]).toEqual([1, expect.stringContaining(says)])
    expect((await readyPods()).length).toBe(2)
  })

  test('logs of an unknown service are refused with the names of the services', async () => {
    const { exitCode, stderr } = await lab(['logs', 'nothing'])
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/no service nothing; allowed are .*valkey.*ws/)])
  })

  test('a fault that a cluster does not support is refused', async () => {
    const { exitCode, stderr } = await lab(['chaos', 'partition'])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('not possible on a lab of kind kubernetes, which supports kill, pause, drain'),
    ])
  })

  test('prove reports an entry that does not answer, before it changes anything', async () => {
    const { exitCode, stderr } = await lab(['prove', '--drains', '1', '--entry', 'ws://127.0.0.1:1'])
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/no replica answers at http:\/\/127\.0\.0\.1:1: .*LAB_INGRESS/)])
  })

  test('the page shows the state, scales and shows logs', { timeout: 300_000 }, async () => {
    const output = await type(look, 280)
    for (const name of (await readyPods()).slice(0, 2)) expect(output).toContain(`[pod/${name}/ws]`)
    expect(output).toContain('3 pods are Ready')
    expect(output).toMatch(/The HPA ws may change the number again; to pause it: kubectl -n ws-lab patch hpa ws/)
  })

  describe('rollouts and load', () => {
    const rolloutHistory = async () => {
      const { stdout } = await lab(['rollout', 'history', '--json'])
      return JSON.parse(stdout) as { revisions: { number: number; cause: string }[]; rollout: { target: number; ended?: string } }
    }
    const podEnv = async (name: string) =>
      inLab([
        'get',
        'pods',
        '-l',
        `${nameLabel}=${services.ws}`,
        '-o',
        `jsonpath={.items[*].spec.containers[0].env[?(@.name=="${name}")].value}`,
      ])

    test('the page changes a setting, undoes the change and applies load', { timeout: 400_000 }, async () => {
      const output = await type(replace, 380)
      expect(output).toContain('LOG_LEVEL: not set -> "debug"')
      expect(output.match(/service "ws" successfully rolled out/g)).toHaveLength(2)
      expect(output).toMatch(/^\*\d+ .* rollout --set LOG_LEVEL$/m)
      expect(output).toContain('5 pods run k6 for 10 s, with 10 sockets each')
      expect(output.match(/All thresholds met/g)).toHaveLength(5)
      expect(await podEnv('LOG_LEVEL')).toBe('')
      expect(await inLab(['get', 'jobs', '-o', 'name'])).toBe('')
    })

    test.each([
      [['rollout', '--build'], /--build is not possible with --on kubernetes, because the nodes need the image/],
      [['rollout', 'restart', '--max-surge', '2'], /--max-surge is not possible with --on kubernetes/],
      [['rollout', '--set', 'LOG_LEVL=debug'], /--set LOG_LEVL: the ws service has no such setting/],
      [['load', '0'], /0 sockets: allowed is a whole number from 1 to 20000/],
    ])('%j is refused in one line', async (args, says) => {
      const { exitCode, stdout, stderr } = await lab(args)
      expect([exitCode, stdout, stderr.split('\n').length]).toEqual([2, '', 1])
      expect(stderr).toMatch(says)
    })

    test('a version whose pods exit, and an image that does not exist, are rolled back', { timeout: 400_000 }, async () => {
      const before = (await rolloutHistory()).rollout.target
      const settings = await lab(['rollout', '--set', 'MAX_CONNECTIONS=none'])
      expect([settings.exitCode, settings.stdout]).toEqual([
        1,
        expect.stringMatching(new RegExp(`ended with exit code 1 .*; rolling back to revision ${before}`)),
      ])
      const image = await lab(['rollout', '--image', 'websocket-lab/nothing:0'])
      expect([image.exitCode, image.stdout]).toEqual([1, expect.stringMatching(/cannot start: (ImagePullBackOff|ErrImageNeverPull)/)])
      expect(image.stdout).toMatch(/service "ws" rolled back to revision \d+/)
      const { revisions, rollout } = await rolloutHistory()
      expect([rollout.ended, revisions.map(({ cause }) => cause)]).toEqual([
        'complete',
        expect.arrayContaining(['rollout --set MAX_CONNECTIONS', 'rollout --image websocket-lab/nothing:0']),
      ])
      expect(await podEnv('MAX_CONNECTIONS')).toBe('')
    })

    test('a paused rollout refuses a second one, and is resumed', { timeout: 400_000 }, async () => {
      const begun = startLab(['rollout', 'restart'])
      // The command itself starts too slowly on a busy machine to pause a rollout of two pods for certain.
      const rollouts = new ClusterRollouts()
      await until('the rollout is paused', () => rollouts.pause().then(() => true), { withinMs: 60_000, everyMs: 100 })
      const again = await lab(['rollout', 'pause'])
      expect([again.exitCode, again.stderr]).toEqual([1, expect.stringMatching(/paused already; .\/lab rollout resume --on kubernetes/)])
      expect((await begun).exitCode).toBe(1)
      const status = await lab(['rollout', 'status'])
      expect([status.exitCode, status.stdout]).toEqual([
        1,
        expect.stringMatching(/the rollout is paused: .\/lab rollout resume --on kubernetes/),
      ])
      const second = await lab(['rollout', 'restart'])
      expect([second.exitCode, second.stderr]).toEqual([1, expect.stringMatching(/is paused; .\/lab rollout resume --on kubernetes/)])
      const resumed = await lab(['rollout', 'resume'])
      expect([resumed.exitCode, resumed.stdout]).toEqual([0, expect.stringContaining('service "ws" successfully rolled out')])
      expect((await lab(['rollout', 'status'])).exitCode).toBe(0)
    })

    test('after Ctrl-C, a rollout continues in the cluster, and the Job of a load is deleted', { timeout: 400_000 }, async () => {
      const begun = startLab(['rollout', 'restart'])
      await until('the restart has begun', async () => (await rolloutHistory()).rollout.ended === undefined, { withinMs: 60_000 })
      begun.kill('SIGINT')
      expect((await begun).exitCode).toBe(130)
      expect((await lab(['rollout', 'status'])).exitCode).toBe(0)

      const load = startLab(['load', '50', '--duration', '2m'])
      await until('the Job', async () => (await inLab(['get', 'jobs', '-o', 'name'])) !== '', { withinMs: 60_000 })
      load.kill('SIGINT')
      expect((await load).exitCode).toBe(130)
      expect(await inLab(['get', 'jobs', '-o', 'name'])).toBe('')
    })
  })

  test('the page injects faults, and proves that no message is lost', { timeout: 900_000 }, async () => {
    const before = await policies()
    const output = await type(disturb, 880)
    expect(output).not.toContain('Expectations not met')
    expect(output.match(/Expectations met/g)).toHaveLength(3)
    const { verdict, faults } = JSON.parse(await readFile(`${root}reports/kubernetes/prove.json`, 'utf8')) as Report
    const found = Object.values(verdict.findings).map(({ count }) => count)
    expect(
      found.every((count) => count === 0),
      output,
    ).toBe(true)
    expect([verdict.pass, verdict.drops.unexplained], output).toEqual([true, {}])
    expect(faults.map(({ kind, happened }) => `${kind} ${happened}`).sort()).toEqual([
      'drain true',
      'drain true',
      'kill true',
      'pause true',
      'rollout true',
    ])
    expect(await policies()).toBe(before)
    addFigure('proof', { counts: verdict.counts, drops: verdict.drops })
  })

  test('no kubectl proxy is left behind', async () => {
    const { stdout } = await execa('ps', ['-eo', 'args'])
    expect(stdout.split('\n').filter((line) => line.includes(`--accept-paths=^/api/v1/namespaces/${namespace}`))).toEqual([])
  })
})
