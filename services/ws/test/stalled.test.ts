/** Tests thousands of handshakes that begin but never finish, with the service in a separate process. */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { bystander } from './bystander.ts'
import { eventually, sumSeries, TestSocket } from './harness.ts'
import { readyProcess } from './process.ts'
import { handshake } from './raw.ts'

/** Number of file descriptors that a process needs in addition to one per stalled socket. */
const spare = 500
const limit = fileLimit()
const stalled = limit >= 10_000 + spare ? 10_000 : Math.min(2_000, limit - spare)
/** Sockets connect in batches, because the kernel limits the queue of connections that the process has not accepted yet. */
const batch = 250

test(`${stalled} stalled upgrades are all answered with 408 in time, while other clients are served`, async () => {
  const timeoutMs = 2_000
  const checkMs = 1_000
  // On a busy machine, timers are late both in the test process and in the service process.
  const slackMs = 6_000
  const service = await readyProcess({ HANDSHAKE_TIMEOUT: timeoutMs, LOG_LEVEL: 'info' })
  const enter = async () => {
    const socket = new TestSocket(new WebSocket(`ws://127.0.0.1:${service.port}${paths.ws}`))
    await socket.opened
    return socket
  }
  const other = bystander(await enter())
  const endings: Promise<Ending>[] = []
  const late: TestSocket[] = []
  const request = handshake().slice(0, -4)
  while (endings.length < stalled) {
    const sockets = await Promise.all(Array.from({ length: Math.min(batch, stalled - endings.length) }, () => dial(service.port)))
    for (const socket of sockets) {
      endings.push(ending(socket))
      socket.write(request)
    }
    if (endings.length % (batch * 8) === 0) late.push(await enter())
  }
  const all = await Promise.all(endings)
  expect(all.filter(({ text }) => text.startsWith('HTTP/1.1 408 '))).toHaveLength(stalled)
  expect(Math.max(...all.map(({ afterMs }) => afterMs))).toBeLessThan(timeoutMs + checkMs + slackMs)
  expect(Math.min(...all.map(({ afterMs }) => afterMs))).toBeGreaterThan(timeoutMs * 0.9)

  const scrape = async () => (await fetch(`http://127.0.0.1:${service.internalPort}${paths.metrics}`)).text()
  await eventually(
    async () => sumSeries(await scrape(), metrics.connectionsRefused.name, { cause: 'handshake_timeout' }),
    (refused) => refused === stalled,
    'every one is counted',
  )
  for (const socket of late) expect((await socket.ask({ type: 'message', data: 1 }, 'message_response')).data).toBe(1)
  await other.wasNotDisturbed()
  for (const socket of late) socket.raw.terminate()
}, 60_000)

interface Ending {
  text: string
  afterMs: number
}

function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Resolves with the text that a socket received, and the time until the socket was closed. */
function ending(socket: Socket): Promise<Ending> {
  const startedAt = performance.now()
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1')))
  socket.on('error', () => {})
  return new Promise((resolve) => socket.once('close', () => resolve({ text, afterMs: performance.now() - startedAt })))
}

/** Returns a process's limit on open files. */
function fileLimit(): number {
  if (process.platform === 'win32') return 2_000 + spare
  const said = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  return said === 'unlimited' ? Number.POSITIVE_INFINITY : Number(said)
}
