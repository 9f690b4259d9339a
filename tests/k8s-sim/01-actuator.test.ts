/** Checks that a compromised scaler can do no more than set the number of replicas, within limits. */

import { actuatorPaths, ports, services } from '@lab/contract/endpoints.ts'
import { tryDocker } from '@lab/host/docker.ts'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { containers } from '../stack/lib/stack.ts'

const stack = inject('stack')
const image = `${stack.project}-${services.ws}`
const url = `http://${services.actuator}:${ports.internal}`

async function fromScaler(args: readonly string[]) {
  const [scaler] = await containers(stack, services.scaler)
  if (!scaler) throw new Error('no scaler is running')
  return tryDocker(['exec', scaler.Id, ...args], { withinSeconds: 90 })
}

/** Runs a script in the scaler's container. @returns its output */
async function script(text: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await fromScaler(['node', '--input-type=module', '-e', text, ...args])
  expect(stderr).toBe('')
  return stdout.trim()
}

test('the scaler is not root and has no capability', async () => {
  const { stdout } = await fromScaler(['cat', '/proc/1/status'])
  const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(stdout) ?? []
  for (const uid of [real, effective]) expect(Number(uid)).toBeGreaterThan(0)
  for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) expect(stdout).toMatch(new RegExp(`^Cap${set}:\\s+0+$`, 'm'))
})

test('the scaler has neither the Docker socket, nor the Docker command, nor access to the proxy', async () => {
  const there = await script(`import { existsSync } from 'node:fs'
    console.log(['/var/run/docker.sock', '/usr/local/bin/docker', '/usr/bin/docker'].filter(existsSync).length)`)
  expect(there).toBe('0')
  const proxy = await script(`console.log(await fetch('http://${services.socketProxy}:2375/_ping').then((r) => r.status, () => 'none'))`)
  expect(proxy).toBe('none')
})

test('the actuator has no capability and a read-only file system, and shares its network only with the scaler', async () => {
  const [actuator] = await containers(stack, services.actuator)
  expect(actuator?.HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'] })
  const network = `${stack.project}_docker-control`
  expect(Object.keys(actuator?.NetworkSettings.Networks ?? {})).toEqual([network])
  const others = (await containers(stack)).filter(({ NetworkSettings }) => network in NetworkSettings.Networks)
  expect(others.map(({ Config }) => Config.Labels['com.docker.compose.service']).sort()).toEqual([services.actuator, services.scaler])
})

describe('the actuator refuses', () => {
  const host = `"Image":"${image}","HostConfig":{"NetworkMode":"host","Binds":["/:/host"]}`
  const bodies: [string, string][] = [
    ['a create request', `{${host}}`],
    ['a number and a create request', `{"replicas":3,${host}}`],
    ['a mount with a long s', '{"replicas":3,"HostConfig":{"Bind\u017f":["/:/host"],"Mount\u017f":[{"Type":"bind"}],"Device\u017f":[]}}'],
    ['a network with the Kelvin sign', '{"replicas":3,"HostConfig":{"Networ\u212aMode":"host"}}'],
    ['unconfined', '{"replicas":3,"HostConfig":{"ReadonlyPaths":[],"MaskedPaths":[],"SecurityOpt":["seccomp=unconfined"]}}'],
    ['two equal keys', '{"replicas":3,"replicas":4}'],
    ['another image', '{"replicas":3,"Image":"haproxy:3.2.26","image":"node:24.21.0-bookworm-slim"}'],
    ['another service', '{"replicas":3,"service":"traefik"}'],
    ['a text', '{"replicas":"3; id"}'],
    ['an escaped key', '{"replica\\u0073":3}'],
    ['a number above the maximum', '{"replicas":51}'],
    ['a negative number', '{"replicas":-1}'],
  ]
  let statuses: string[] = []
  beforeAll(async () => {
    const call = `for (const body of JSON.parse(process.argv[1]))
      console.log((await fetch('${url}${actuatorPaths.replicas(services.ws)}', { method: 'PUT', body })).status)`
    statuses = (await script(call, JSON.stringify(bodies.map(([, body]) => body)))).split('\n')
  })
  test.each(bodies.map(([what], index) => [what, index] as const))('%s', (_what, index) => {
    expect(['400', '413']).toContain(statuses[index])
  })

  test('calls of the Docker API', async () => {
    const paths = [
      '/_ping',
      '/containers/json',
      '/v1.51/containers/create',
      '/services/traefik/replicas',
      '/services/ws/../../images/json',
      '/services/ws/%72eplicas',
    ]
    const call = `import { request } from 'node:http'
      for (const path of JSON.parse(process.argv[1])) for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const { promise, resolve } = Promise.withResolvers()
        request({ host: '${services.actuator}', port: ${ports.internal}, path, method }, resolve).end()
        console.log((await promise).resume().statusCode)
      }`
    expect(new Set((await script(call, JSON.stringify(paths))).split('\n'))).toEqual(new Set(['404']))
  })
})

test('the scaler can read replicas, but not their environment variables', async () => {
  const answer = await script(`console.log(await (await fetch('${url}${actuatorPaths.replicas(services.ws)}')).text())`)
  const replicas = JSON.parse(answer) as { name: string }[]
  expect(replicas.map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
  for (const replica of replicas)
    expect(Object.keys(replica).sort()).toEqual(['containers', 'facts', 'name', 'phase', 'ready', 'startTimeSeconds'])
})

test('the refused requests have changed nothing', async () => {
  expect(await containers(stack, services.ws)).toHaveLength(2)
  const { stdout } = await tryDocker([
    'ps',
    '-a',
    '--filter',
    `label=com.docker.compose.project=${stack.project}`,
    '--format',
    '{{.Names}}',
  ])
  expect(
    stdout
      .split('\n')
      .filter((name) => name.includes(`-${services.ws}-`))
      .sort(),
  ).toEqual([`${image}-1`, `${image}-2`])
})

test('the actuator scales to an allowed number', { timeout: 120_000 }, async () => {
  const ask = (replicas: number) =>
    script(`const call = { method: 'PUT', body: '{"replicas":${replicas}}' }
      console.log((await fetch('${url}${actuatorPaths.replicas(services.ws)}', call)).status)`)
  const names = async () => (await containers(stack, services.ws)).map(({ Name }) => Name)
  expect(await ask(3)).toBe('200')
  expect(await names()).toEqual([1, 2, 3].map((number) => `/${image}-${number}`))
  expect(await ask(2)).toBe('200')
  expect(await names()).toEqual([1, 2].map((number) => `/${image}-${number}`))
})
