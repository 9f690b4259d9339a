/** Tests `./lab k8s doctor` on the cluster: each problem is reported on one line, with the command that solves it. */

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { namespace } from '@lab/contract/kubernetes.ts'
import { run } from '@lab/host/docker.ts'
import { kubectl } from '@lab/host/kubectl.ts'
import { root } from '@lab/host/root.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { absentParts, inLab } from './lib/cluster.ts'

const foreign = 'foreign'
const account = 'no-rights'
const missingImage = 'no-such-image:1'
const kubeconfig = 'reports/kubernetes-no-rights.yaml'

async function doctor(env: Record<string, string> = {}): Promise<{ exitCode: number; lines: string[] }> {
  const { exitCode, stdout } = await run(process.execPath, ['tools/cli/src/main.ts', 'k8s', 'doctor'], { withinSeconds: 60, env })
  return { exitCode, lines: stdout.trim().split('\n') }
}

test('without a cluster, there is one line with a command', async () => {
  const { exitCode, lines } = await doctor({ KUBECONFIG: '/dev/null' })
  expect([exitCode, lines]).toEqual([1, ['BLOCKED  cluster    kubectl has no current context: kubectl config use-context NAME']])
})

describe.skipIf(inject('cluster') !== 'nodes')('in the cluster', () => {
  afterAll(async () => {
    await inLab(['delete', `deployment/${foreign}`, `serviceaccount/${account}`, '--ignore-not-found'])
    await rm(`${root}${kubeconfig}`, { force: true })
  })

  test.skipIf(absentParts.length > 0)('the running lab has no problem', async () => {
    const { exitCode, lines } = await doctor()
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([])
    expect(exitCode).toBe(0)
  })

  test('it reports objects of others, and an image that no node has', { timeout: 120_000 }, async () => {
    await inLab(['create', 'deployment', foreign, `--image=${missingImage}`])
    const pod = {
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'no-such-image',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          imagePullPolicy: 'Never',
        },
      ],
    }
    await inLab(['patch', 'deployment', foreign, '--patch', JSON.stringify({ spec: { template: { spec: pod } } })])
    const found = await until(
      'a pod without an image',
      async () => {
        const answer = await doctor()
        return answer.lines.some((line) => line.includes(missingImage)) && answer
      },
      { withinMs: 60_000, everyMs: 1000 },
    )
    expect(found.exitCode).toBe(1)
    expect(found.lines.find((line) => line.includes(`deployment/${foreign}`))).toContain(
      `kubectl -n ${namespace} delete deployment/${foreign}`,
    )
    expect(found.lines.find((line) => line.startsWith('BLOCKED  images'))).toContain(missingImage)
  })

  test('it reports rights that the user does not have', async () => {
    await inLab(['create', 'serviceaccount', account])
    const token = (await inLab(['create', 'token', account, '--duration=10m'])).trim()
    const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as {
      users: { name: string; user: object }[]
    }
    for (const user of config.users) user.user = { token }
    await mkdir(`${root}reports`, { recursive: true })
    await writeFile(`${root}${kubeconfig}`, JSON.stringify(config), { mode: 0o600 })
    const { exitCode, lines } = await doctor({ KUBECONFIG: `${root}${kubeconfig}` })
    expect(exitCode).toBe(1)
    expect(lines.find((line) => line.startsWith('BLOCKED  rights'))).toMatch(/create deployments.*kubectl create rolebinding/)
  })
})
