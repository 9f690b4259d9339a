/** Tools such as `./lab prove --replicas 3` must create replicas with the same Compose files that the lab was started with. */
import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { composeLab } from '@lab/lab/compose/lab.ts'
import { afterAll, expect, inject, test } from 'vitest'

const stack = inject('stack')
/** The environment has no COMPOSE_FILE, as in a user's shell, so the tool must detect the second Compose file itself. */
const { COMPOSE_FILE: _files, COMPOSE_PATH_SEPARATOR: _separator, ...ports } = stack.env
const mebibyte = 2 ** 20

const lab = await composeLab({ env: { ...ports, COMPOSE_PROJECT_NAME: stack.project } })

async function madeWith(number: number): Promise<{ memory: number; requests: Record<string, string> }> {
  const format = '{{.HostConfig.Memory}}\t{{json .Config.Labels}}'
  const [memory, labels = '{}'] = (await docker(['inspect', '--format', format, lab.container(services.ws, number)])).split('\t')
  const all = Object.entries(JSON.parse(labels) as Record<string, string>)
  return { memory: Number(memory), requests: Object.fromEntries(all.filter(([name]) => name.startsWith('lab.requests.'))) }
}

afterAll(() => lab.scaleTo(2), 120_000)

test('a third replica has the memory limit and the requests of the overlay', { timeout: 120_000 }, async () => {
  await lab.scaleTo(3)
  expect(await lab.replicas()).toEqual(['ws-1', 'ws-2', 'ws-3'].map((name) => expect.objectContaining({ name, healthy: true })))
  const [first, third] = [await madeWith(1), await madeWith(3)]
  expect(third).toEqual(first)
  expect(third.memory).toBe(256 * mebibyte)
  expect(Object.keys(third.requests).sort()).toEqual(['lab.requests.cpu', 'lab.requests.memory'])
})
