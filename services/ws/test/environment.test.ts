/** Tests the service's process: invalid settings, ports in use, signals and logs. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths, requestIdHeader } from '@lab/contract/endpoints.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { startReplica } from '../src/replica.ts'
import { eventually, TestSocket, testConfig } from './harness.ts'
import { readyProcess, startProcess } from './process.ts'

/** A generous timeout for an operation that takes about a second on an idle machine. */
const soonMs = 10_000

async function connect(port: number, id: string, headers: Record<string, string> = {}): Promise<TestSocket> {
  const socket = new TestSocket(new WebSocket(`ws://127.0.0.1:${port}${paths.wsChat.replace(':connectionId', id)}`, { headers }))
  await socket.opened
  return socket
}

/** Occupies a free port until the end of the test, and returns the port number. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** Returns a TCP port that is probably free. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('a failed start', () => {
  test('each invalid value has a line with variable, value and allowed values, without secrets', async () => {
    const service = startProcess({
      PORT: 'http',
      MAX_CONNECTIONS: -1,
      HEARTBEAT_INTERVAL: '30s',
      LOG_LEVEL: 'loud',
      RESUME_SECRET: 'hunter2',
    })
    const { code, afterMs } = await service.exited
    expect(code).toBe(1)
    expect(afterMs).toBeLessThan(soonMs)
    expect(service.stderr().trim().split('\n')).toEqual([
      'PORT="http": allowed is a whole number from 0 to 65535',
      'LOG_LEVEL="loud": allowed is one of fatal, error, warn, info, debug, trace, silent',
      'MAX_CONNECTIONS="-1": allowed is a whole number from 1 to 1000000',
      'HEARTBEAT_INTERVAL="30s": allowed is a whole number from 100 to 86400000 (ms)',
      'RESUME_SECRET=(hidden): allowed is what matches ^.{16,256}$',
    ])
    expect(service.stdout()).toBe('')
  })

  test.each(['PORT', 'INTERNAL_PORT'] as const)('%s in use is reported in one line', async (name) => {
    const port = await takenPort()
    const service = startProcess({ [name]: port })
    const { code, afterMs } = await service.exited
    expect(code).toBe(1)
    expect(afterMs).toBeLessThan(soonMs)
    expect(service.stderr()).toBe(`port ${port} on 127.0.0.1 is in use: set PORT or INTERNAL_PORT to a free one, or 0 for any\n`)
  })

  test('an address of another machine is reported in one line', async () => {
    const service = startProcess({ HOST: '192.0.2.1' })
    expect((await service.exited).code).toBe(1)
    expect(service.stderr()).toBe('HOST="192.0.2.1": allowed is an address of this machine, or a name of one\n')
  })
})

test('the public port is closed again if the internal port is in use', async () => {
  const [PORT, INTERNAL_PORT] = [await freePort(), await takenPort()]
  const log = { info: () => {}, error: () => {} }
  const start = startReplica({ config: testConfig({ PORT, INTERNAL_PORT }), id: 'h', version: '0', log })
  await expect(start).rejects.toMatchObject({ code: 'EADDRINUSE', port: INTERNAL_PORT })
  const again = createServer().listen(PORT, '127.0.0.1')
  await once(again, 'listening')
  again.close()
})

describe('signals', () => {
  test('a signal during the start ends the process at once', async () => {
    // If the store does not respond, the replica takes two seconds to start.
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const asked = once(silent, 'connection')
    const service = startProcess({ VALKEY_URL: `valkey://127.0.0.1:${(silent.address() as AddressInfo).port}` })
    await asked
    service.child.kill('SIGTERM')
    expect((await service.exited).code).toBe(0)
    expect(service.stdout()).not.toContain('"ready"')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s leads to goodbyes, close code 1012 at the deadline, and exit code 0', async (signal) => {
    const service = await readyProcess({ DRAIN_DELAY: 100, DRAIN_TIMEOUT: 1_000 })
    const [leaves, stays] = [await connect(service.port, 'leaves'), await connect(service.port, 'stays')]
    const signalledAt = performance.now()
    service.child.kill(signal)
    for (const socket of [leaves, stays]) {
      const goodbye = await socket.next('goodbye')
      expect(goodbye.reason).toBe('draining')
      expect(goodbye.comeBackInMs).toBeLessThanOrEqual(goodbye.windowMs)
    }
    leaves.close()
    expect((await leaves.closed).code).toBe(closeCodes.normal.code)
    expect((await stays.ask({ type: 'message', data: 'still served' }, 'message_response')).data).toBe('still served')
    expect(await stays.closed).toEqual({ code: closeCodes.draining.code, reason: closeCodes.draining.reason })
    expect(performance.now() - signalledAt).toBeGreaterThanOrEqual(1_000)
    expect((await service.exited).code).toBe(0)
    expect(service.log().at(-1)).toMatchObject({ msg: 'replica stopped' })
    expect(service.stderr()).toBe('')
  })

  test('a second SIGTERM changes nothing, and SIGINT during the drain does not wait for the deadline', async () => {
    const service = await readyProcess({ DRAIN_DELAY: 0, DRAIN_TIMEOUT: 600_000 })
    const socket = await connect(service.port, 'stays')
    service.child.kill('SIGTERM')
    await socket.next('goodbye')
    service.child.kill('SIGTERM')
    expect((await socket.ask({ type: 'message', data: 'still served' }, 'message_response')).data).toBe('still served')
    service.child.kill('SIGINT')
    expect(await socket.closed).toEqual({ code: closeCodes.draining.code, reason: closeCodes.draining.reason })
    expect((await service.exited).code).toBe(0)
  })

  test('without sockets, SIGTERM ends the process right after the delay for the router', async () => {
    const service = await readyProcess({ DRAIN_DELAY: 0, DRAIN_TIMEOUT: 600_000 })
    service.child.kill('SIGTERM')
    expect((await service.exited).code).toBe(0)
  })
})

describe('logs', () => {
  test('are JSON lines with replica, connection id and request id, and without secrets', async () => {
    const secret = 'a secret that nobody may read'
    const service = await readyProcess({ RESUME_SECRET: secret, LOG_LEVEL: 'trace' })
    const socket = await connect(service.port, 'ann', { [requestIdHeader]: 'req-7' })
    const { resumeToken } = await socket.next('connection_established')
    socket.close()
    const about = (msg: string) => service.log().find((line) => line.msg === msg)
    const who = { replica: 'ws-child', connectionId: 'ann', requestId: 'req-7' }
    const closed = await eventually(
      () => about('connection closed'),
      (line) => line !== undefined,
      'the close is logged',
    )
    expect(closed).toMatchObject({ ...who, level: 30, code: closeCodes.normal.code, cause: 'normal' })
    expect(about('connection opened')).toMatchObject({ ...who, connections: 1 })
    for (const { time } of service.log()) expect(new Date(String(time)).toISOString()).toBe(time)
    expect(service.stdout()).not.toContain(secret)
    expect(service.stdout()).not.toContain(resumeToken)
  })

  test('omit lines below the configured level', async () => {
    const port = await freePort()
    const service = startProcess({ LOG_LEVEL: 'silent', PORT: port, DRAIN_DELAY: 0 })
    const ready = () =>
      fetch(`http://127.0.0.1:${port}${paths.readyz}`).then(
        ({ status }) => status,
        () => 'not listening yet',
      )
    await eventually(ready, (status) => status === 200, 'it is ready')
    ;(await connect(port, 'ann')).close()
    service.child.kill('SIGTERM')
    expect((await service.exited).code).toBe(0)
    expect(service.stdout() + service.stderr()).toBe('')
  })
})
