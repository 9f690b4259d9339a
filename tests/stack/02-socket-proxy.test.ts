/** Tests access to Docker's API through the socket proxy, which allows only the read requests that Traefik, Prometheus and the live page need. */

import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { containers } from './lib/stack.ts'

const stack = inject('stack')
const [proxy] = await containers(stack, services.socketProxy)
const replicas = await containers(stack, services.ws)
const replica = replicas[0]
if (!proxy || !replica) throw new Error('socket-proxy and a replica must run')
const id = replica.Id

const refused: [string, string][] = [
  ['POST', `/containers/${id}/exec`],
  ['POST', '/containers/create'],
  ['POST', `/containers/${id}/start`],
  ['POST', `/containers/${id}/stop`],
  ['POST', `/containers/${id}/kill`],
  ['POST', `/containers/${id}/update`],
  ['POST', '/containers/prune'],
  ['POST', '/v1.51/containers/create'],
  ['POST', '/build'],
  ['POST', '/images/create?fromImage=x'],
  ['POST', '/volumes/create'],
  ['POST', '/networks/create'],
  ['POST', '/containers/json'],
  ['POST', '/events'],
  ['PUT', `/containers/${id}/archive?path=/`],
  ['PUT', '/containers/json'],
  ['PATCH', '/containers/json'],
  ['DELETE', `/containers/${id}`],
  ['DELETE', `/v1.51/containers/${id}?force=1`],
  ['DELETE', '/images/x'],
  ['DELETE', '/networks/x'],
  ['GET', '/images/json'],
  ['GET', '/v1.51/images/json'],
  ['GET', '/info'],
  ['GET', '/volumes'],
  ['GET', '/secrets'],
  ['GET', '/system/df'],
  ['GET', `/containers/${id}/logs?stdout=1`],
  ['GET', `/containers/${id}/archive?path=/`],
  ['GET', `/containers/${id}/top`],
  ['POST', `/containers/${id}/stats`],
  ['GET', `/containers/${id}/stats/`],
  ['GET', `/containers/${id.slice(0, 12)}/stats`],
  ['GET', '/containers/traefik/json'],
  ['GET', '/containers/json/../../images/json'],
  ['GET', '/containers/json%2f..%2f..%2fimages/json'],
  ['GET', '//images/json'],
  ['GET', '/images/json?/containers/json'],
  ['GET', '/containers/./json/../../images/json'],
  ['GET', '/v1.51//images/json'],
  ['GET', '/V1.51/containers/json'],
  ['GET', '/containers/json;x'],
  ['GET', '/%63ontainers/json'],
  ['GET', '/containers/%6ason'],
  ['GET', '/CONTAINERS/json'],
  ['GET', `/containers/${id}/json/`],
  ['GET', `/containers/${id.slice(0, 12)}/json`],
  ['GET', `/containers/${stack.project}-ws-1/json`],
  ['OPTIONS', '/containers/json'],
]
const allowed: [string, string][] = [
  ['GET', '/_ping'],
  ['HEAD', '/_ping'],
  ['GET', '/version'],
  ['GET', '/networks'],
  ['GET', '/containers/json'],
  ['GET', '/v1.51/containers/json?limit=0'],
  ['GET', `/containers/${id}/json`],
  ['GET', `/containers/${id}/stats?stream=true`],
  ['GET', '/events'],
]

/**
 * Sends all requests from a container on the proxy's network, because the proxy is unreachable from other networks. The script sends the
 * paths exactly as given, whereas `fetch` would normalise them.
 */
const script = `
const http = require('node:http')
const call = ([method, path]) => new Promise((resolve) => {
  const request = http.request({ host: '${services.socketProxy}', port: 2375, method, path, timeout: 5000 }, (response) => {
    let body = ''
    const done = () => resolve({ status: response.statusCode, body })
    if (path === '/events') { done(); return request.destroy() }
    response.on('data', (chunk) => { body += chunk }).on('end', done)
  })
  request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', (error) => resolve({ status: 0, body: String(error) }))
  request.end()
})
Promise.all(JSON.parse(process.argv[1]).map(call)).then((answers) => console.log(JSON.stringify(answers)))
`
const answers = new Map<string, { status: number; body: string }>()
const answer = (method: string, path: string) => answers.get(`${method} ${path}`)

beforeAll(async () => {
  const calls = [...refused, ...allowed]
  const network = `${stack.project}_docker-api`
  const args = ['run', '--rm', '--network', network, '--read-only', replica.Image, 'node', '-e', script, JSON.stringify(calls)]
  const results = JSON.parse(await docker(args)) as { status: number; body: string }[]
  calls.forEach(([method, path], index) => {
    answers.set(`${method} ${path}`, results[index] ?? { status: -1, body: '' })
  })
})

test.each(refused)('refuses %s %s', (method, path) => {
  expect(answer(method, path)).toMatchObject({ status: expect.toSatisfy((status) => status === 403 || status === 400) })
})

test.each(allowed)('allows %s %s', (method, path) => {
  expect(answer(method, path)).toMatchObject({ status: 200 })
})

test('a refusal names the allowed calls', () => {
  expect(answer('GET', '/images/json')?.body).toContain('/containers/json')
})

describe('the list of containers', () => {
  test('contains only containers of this project', () => {
    const list = JSON.parse(answer('GET', '/containers/json')?.body ?? '[]') as { Labels: Record<string, string> }[]
    expect(list.length).toBeGreaterThanOrEqual(replicas.length)
    expect(list.filter(({ Labels }) => Labels['com.docker.compose.project'] !== stack.project)).toEqual([])
  })
})

test('a request for a stream of statistics gets one sample', () => {
  const { body } = answer('GET', `/containers/${id}/stats?stream=true`) ?? { body: '' }
  expect(JSON.parse(body)).toMatchObject({ memory_stats: { usage: expect.any(Number) } })
})

test('no environment variable of an inspectable container contains a secret', async () => {
  const { Config } = JSON.parse(answer('GET', `/containers/${id}/json`)?.body ?? '{}') as { Config: { Env: string[] } }
  expect(Config.Env).toContainEqual(expect.stringMatching(/^RESUME_SECRET_FILE=/))
  const names = (await containers(stack)).flatMap((container) => container.Config.Env ?? []).map((one) => one.split('=')[0] ?? '')
  expect(names.filter((name) => /(SECRET|TOKEN|PASSWORD|CREDENTIAL|KEY)S?$/.test(name))).toEqual([])
})

test('these calls have changed no container', async () => {
  expect((await containers(stack, services.ws)).map(({ Id }) => Id)).toEqual(replicas.map(({ Id }) => Id))
})
