/**
 * Tests that the actuator accepts nothing but a number of replicas. The actuator must refuse ambiguous and random request bodies before it
 * calls Docker.
 */
import { request } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { actuatorPaths } from '@lab/contract/endpoints.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { actuatorAt } from '../adapters/actuator.ts'
import { type Actuator, replicaTarget } from '../adapters/compose.ts'
import type { ListedReplica } from '../ports.ts'
import { createActuatorServer, readReplicas } from './server.ts'

const maxReplicas = 50
const never = new AbortController().signal
const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

const replica = (name: string): ListedReplica => ({ name, phase: 'Running', startTimeSeconds: 1, ready: null, containers: [] })

/** Starts an actuator server that scales an array of names instead of Docker containers. */
async function start(changes: Partial<Actuator> = {}) {
  const asked: number[] = []
  const stop = new AbortController()
  const actuator: Actuator = {
    list: async () => Array.from({ length: asked.at(-1) ?? 2 }, (_, i) => replica(`ws-${i + 1}`)),
    workingSets: async () => [{ name: 'ws-1', bytes: 7, timeSeconds: 1 }],
    scale: async (replicas) => void asked.push(replicas),
    ...changes,
  }
  const server = createActuatorServer(new Map([['ws', actuator]]), { maxReplicas, stop: stop.signal, say: () => undefined })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  const { port } = server.address() as AddressInfo
  const send = (method: string, path: string, body: string | Buffer = '') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', method, path }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      call.on('error', reject).end(body)
    })
  return { asked, port, stop, send, url: `http://127.0.0.1:${port}` }
}

/** Returns whether Go's encoding/json would read a key as "replicas"; Go compares keys with Unicode case folding. */
const goReads = (key: string) => key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase() === 'replicas'

describe('a request body', () => {
  test.each<[string, number]>([
    ['{"replicas":0}', 0],
    ['{"replicas":50}', 50],
    [' {\r\n\t"replicas" : 7 } \n', 7],
  ])('%j is accepted', (body, replicas) => {
    expect(readReplicas(Buffer.from(body), maxReplicas)).toEqual({ ok: true, value: replicas })
  })

  test.each([
    ['a long s in the key', '{"replica\u017f":3}'],
    ['an uppercase letter in the key', '{"Replicas":3}'],
    ['an escape in the key', '{"replica\\u0073":3}'],
    ['two equal keys', '{"replicas":3,"replicas":4}'],
    ['an additional key', '{"replicas":3,"HostConfig":{"Bind\u017f":["/:/host"]}}'],
    ['a negative number', '{"replicas":-1}'],
    ['a fraction', '{"replicas":3.0}'],
    ['an exponent', '{"replicas":3e0}'],
    ['a leading zero', '{"replicas":03}'],
    ['a string', '{"replicas":"3"}'],
    ['a list', '{"replicas":[3]}'],
    ['digits of another script', '{"replicas":\u0663}'],
    ['a number above the maximum', '{"replicas":51}'],
    ['a huge number', '{"replicas":99999999999999999999}'],
    ['a byte order mark', '\ufeff{"replicas":3}'],
    ['a space that JSON does not allow', '{"replicas":\u00a03}'],
    ['a second value', '{"replicas":3}{}'],
    ['a NUL at the end', '{"replicas":3}\0'],
    ['nothing', ''],
    ['text on a line before it', 'x\n{"replicas":3}'],
  ])('with %s is refused', (_what, body) => {
    expect(readReplicas(Buffer.from(body), maxReplicas).ok).toBe(false)
  })

  test('in UTF-16 is refused', () => {
    expect(readReplicas(Buffer.from('{"replicas":3}', 'utf16le'), maxReplicas).ok).toBe(false)
  })

  test('is accepted only if every parser reads the same number', () => {
    const key = fc.oneof(
      fc.constantFrom('replicas', 'replica\u017f', 'Replicas', 'replica\\u0073', '\\u0072eplicas', 'Binds', 'Networ\u212aMode'),
      fc.string({ maxLength: 10 }),
    )
    const number = fc.oneof(
      fc.integer({ min: -2, max: 60 }).map(String),
      fc.constantFrom('3.0', '3e0', '03', '"3"', 'null', '[3]', '\u0663'),
    )
    const space = fc.constantFrom('', ' ', '\n', '\t', '\u00a0', '\ufeff', '\0')
    const pair = fc.tuple(space, key, space, space, number, space).map(([a, name, b, c, value, d]) => `${a}"${name}"${b}:${c}${value}${d}`)
    const body = fc.oneof(
      fc.tuple(space, fc.array(pair, { maxLength: 3 }), space).map(([a, pairs, b]) => Buffer.from(`${a}{${pairs.join(',')}}${b}`)),
      fc.integer({ min: 0, max: 50 }).map((value) => Buffer.from(JSON.stringify({ replicas: value }))),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    )
    let taken = 0
    fc.assert(
      fc.property(body, (bytes) => {
        const read = readReplicas(bytes, maxReplicas)
        if (!read.ok) return
        taken++
        const keys: string[] = []
        const parsed = JSON.parse(bytes.toString('utf8'), (name, value: unknown) => {
          if (name !== '') keys.push(name)
          return value
        }) as Record<string, unknown>
        expect(bytes.every((byte) => byte < 0x80)).toBe(true)
        expect(parsed).toEqual({ replicas: read.value })
        expect(keys.filter(goReads)).toEqual(['replicas'])
        // Every accepted spelling of the request body results in the same Docker command.
        const reference = scaleCommand({ replicas: read.value, files: [], env: {} })
        expect(scaleCommand({ replicas: Number(parsed.replicas), files: [], env: {} })).toEqual(reference)
      }),
      { seed: 15, numRuns: 20_000 },
    )
    expect(taken).toBeGreaterThan(1000)
  })
})

describe('the actuator server', () => {
  test('passes the tests of every replica target', async () => {
    const { asked, url } = await start()
    const actuator = actuatorAt(url, 'ws')
    const target = replicaTarget(actuator)
    expect((await target.list(never)).map(({ name }) => name)).toEqual(['ws-1', 'ws-2'])
    expect(await actuator.workingSets(never)).toEqual([{ name: 'ws-1', bytes: 7, timeSeconds: 1 }])
    expect(await target.scaleTo(4, [], never)).toEqual({ removed: [] })
    expect(await target.scaleTo(1, [], never)).toEqual({ removed: ['ws-2', 'ws-3', 'ws-4'] })
    expect(asked).toEqual([4, 1])
    await expect(target.scaleTo(51, [], never)).rejects.toThrow('allowed are 0 to 50 (SCALER_MAX_REPLICAS)')
    await expect(target.list(AbortSignal.abort())).rejects.toThrow()
  })

  test('refuses a body that is too long, however it is divided into chunks', async () => {
    const { asked, port, send } = await start()
    expect((await send('PUT', actuatorPaths.replicas('ws'), `{"replicas":3${' '.repeat(100)}}`)).status).toBe(413)
    const socket = connect(port, '127.0.0.1')
    socket.write(`PUT ${actuatorPaths.replicas('ws')} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 14\r\n\r\n`)
    const first = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
    expect(first).toMatch(/^HTTP\/1\.1 400/)
    socket.destroy()
    expect(asked).toEqual([])
  })

  test.each([
    ['GET', '/containers/json'],
    ['POST', '/containers/create'],
    ['POST', actuatorPaths.replicas('ws')],
    ['DELETE', actuatorPaths.replicas('ws')],
    ['PUT', `/${actuatorPaths.replicas('ws')}`],
    ['PUT', `${actuatorPaths.replicas('ws')}/`],
    ['PUT', `${actuatorPaths.replicas('ws')}?service=traefik`],
    ['PUT', '/services/ws/%72eplicas'],
    ['PUT', '/services/traefik/replicas'],
    ['PUT', '/services/ws/../traefik/replicas'],
    ['PUT', '/x/../replicas'],
    ['PUT', 'http://docker/replicas'],
  ])('%s %s does nothing', async (method, path) => {
    const { asked, send } = await start()
    const body = method === 'PUT' || method === 'POST' ? '{"replicas":3}' : ''
    expect((await send(method, path, body)).status).toBe(404)
    expect(asked).toEqual([])
  })

  test('finishes an action after its caller has disconnected, and refuses a second action until then', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let signal: AbortSignal | undefined
    const { send, url, stop } = await start({
      scale: async (_replicas, given) => {
        signal = given
        await promise
      },
    })
    const caller = new AbortController()
    const left = actuatorAt(url, 'ws').scale(3, caller.signal)
    while (signal === undefined) await setImmediate()
    caller.abort()
    await expect(left).rejects.toThrow()
    expect(await send('PUT', actuatorPaths.replicas('ws'), '{"replicas":4}')).toMatchObject({ status: 409 })
    expect(signal.aborted).toBe(false)
    stop.abort()
    expect(signal.aborted).toBe(true)
    resolve()
  })

  test('reports the error of Docker', async () => {
    const { url } = await start({ scale: () => Promise.reject(new Error('docker compose up: no space left')) })
    await expect(actuatorAt(url, 'ws').scale(3, never)).rejects.toThrow('docker compose up: no space left')
  })
})
