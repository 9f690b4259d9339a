/** The scaler's door to Docker: what it refuses. That it lets enough through is what all the other tests here rest on. */
import { describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { tryDocker } from '../stack/lib/docker.ts'
import { containers } from '../stack/lib/stack.ts'

const stack = inject('stack')
const refusal = `${services.scalerProxy} refuses this call`
const image = `${stack.project}-${services.ws}`
const name = `${stack.project}-${services.ws}-99`
const network = `${stack.project}_lab`
const create = ['create', '--name', name, '--network', network]

async function fromScaler(args: readonly string[]) {
  const [scaler] = await containers(stack, services.scaler)
  if (!scaler) throw new Error('no scaler runs')
  return tryDocker(['exec', scaler.Id, ...args], { withinSeconds: 20 })
}

test('the scaler is not root and has no capability', async () => {
  const { stdout } = await fromScaler(['cat', '/proc/1/status'])
  const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(stdout) ?? []
  for (const uid of [real, effective]) expect(Number(uid)).toBeGreaterThan(0)
  for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) expect(stdout).toMatch(new RegExp(`^Cap${set}:\\s+0+$`, 'm'))
})

describe('the scaler may not', () => {
  test.each<[string, string[]]>([
    ['enter a container', ['exec', image, 'id']],
    ['list images', ['images']],
    ['pull an image', ['pull', 'busybox']],
    ['remove an image', ['rmi', image]],
    ['read volumes', ['volume', 'ls']],
    ['make a network', ['network', 'create', 'x']],
    ['create a container of another name', ['create', '--name', 'other', '--network', network, image]],
    ['create one from another image', [...create, 'haproxy:3.2.26']],
    ['mount the host', [...create, '-v', '/:/host', image]],
    ['mount the host by another flag', [...create, '--mount', 'type=bind,src=/,dst=/host', image]],
    ['be privileged', [...create, '--privileged', image]],
    ['add a capability', [...create, '--cap-add', 'SYS_ADMIN', image]],
    ['take a device', [...create, '--device', '/dev/null', image]],
    ["use the host's processes", [...create, '--pid', 'host', image]],
    ["use the host's network", ['create', '--name', name, '--network', 'host', image]],
    ['publish a port', [...create, '-p', '127.0.0.1::3001', image]],
  ])('%s', async (_what, args) => {
    const { exitCode, stderr } = await fromScaler(['docker', ...args])
    expect(exitCode).not.toBe(0)
    expect(stderr).toMatch(new RegExp(`${refusal}|No such container`))
  })

  const host = `"Image":"${image}","HostConfig":{"NetworkMode":"${network}",`
  test.each([
    ['in small letters', `{${host}"binds":["/:/host"]}}`],
    ['in escaped letters', `{${host}"\\u0042inds":["/:/host"]}}`],
    ['behind a harmless one', `{${host}"Binds":null,"Binds" : ["/:/host"]}}`],
    ['behind 100 KB', `{"Labels":{"x":"${'x'.repeat(100_000)}"},${host}"Binds":["/:/host"]}}`],
  ])('hide a mount %s', async (_what, body) => {
    const script = `const body = process.argv[1]
      const url = 'http://${services.scalerProxy}:2375/containers/create?name=${name}'
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      console.log(response.status)`
    const { stdout } = await fromScaler(['node', '--input-type=module', '-e', script, body])
    expect(['400', '403', '413']).toContain(stdout.trim())
  })

  test('follow what a container uses for ever: it gets one reading', async () => {
    const [replica] = await containers(stack, services.ws)
    const script = `const response = await fetch('http://${services.scalerProxy}:2375/containers/${replica?.Id}/stats?stream=true')
      const lines = (await response.text()).trim().split('\\n')
      console.log(response.status, lines.length, JSON.parse(lines[0]).memory_stats.usage > 0)`
    const { stdout, stderr } = await fromScaler(['node', '--input-type=module', '-e', script])
    expect(stdout.trim(), stderr).toBe('200 1 true')
  })

  test('see or touch containers of other projects in its list', async () => {
    const { stdout } = await fromScaler(['docker', 'ps', '-a', '--format', '{{.Names}}'])
    const names = stdout.split('\n').filter(Boolean)
    expect(names.length).toBeGreaterThan(5)
    expect(names.filter((one) => !one.startsWith(`${stack.project}-`))).toEqual([])
  })
})

test('nothing was created', async () => {
  const { stdout } = await tryDocker(['ps', '-a', '--filter', `name=${name}`, '--format', '{{.Names}}'])
  expect(stdout).toBe('')
})
