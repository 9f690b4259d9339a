/** Docker's API as Traefik and Prometheus see it: the reads they need, and nothing else. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { docker } from './lib/docker.ts'
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
  ['GET', '/containers/traefik/json'],
  ['GET', '/containers/json/../../images/json'],
  ['GET', '/containers/json%2f..%2f..%2fimages/json'],
  ['GET', '//images/json'],
  ['GET', '/images/json?/containers/json'],
]
const allowed: [string, string][] = [
  ['GET', '/_ping'],
  ['HEAD', '/_ping'],
  ['GET', '/version'],
  ['GET', '/networks'],
  ['GET', '/containers/json'],
  ['GET', '/v1.51/containers/json?limit=0'],
  ['GET', `/containers/${id}/json`],
  ['GET', '/events'],
]

/**
 * Makes all calls from a container on the proxy's own network, the only place from where it can be reached. The paths are
 * sent as they are written, which fetch would not do.
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

test('a refusal says what is allowed', () => {
  expect(answer('GET', '/images/json')?.body).toContain('/containers/json')
})

describe('the list', () => {
  test('holds the containers of this project only', () => {
    const list = JSON.parse(answer('GET', '/containers/json')?.body ?? '[]') as { Labels: Record<string, string> }[]
    expect(list.length).toBeGreaterThanOrEqual(replicas.length)
    expect(list.filter(({ Labels }) => Labels['com.docker.compose.project'] !== stack.project)).toEqual([])
  })
})

test('after all these calls every container is as it was', async () => {
  expect((await containers(stack, services.ws)).map(({ Id }) => Id)).toEqual(replicas.map(({ Id }) => Id))
})
