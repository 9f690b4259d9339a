/** Bad input through the whole stack: answered, counted, and felt by nobody else. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { closeCodes } from '../../contract/src/close-codes.ts'
import { paths } from '../../contract/src/endpoints.ts'
import type { ErrorCode } from '../../contract/src/messages.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { query } from './lib/prometheus.ts'
import { openSocket, Refused, type TestSocket } from './lib/socket.ts'
import { scaleTo, url } from './lib/stack.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')

/** A well-behaved client on the replica that gets the bad input. */
let bystander: TestSocket
const neighbour = () => openSocket(stack, { cookie: bystander.cookie })

async function errorsCounted(code: ErrorCode): Promise<number> {
  const [sample] = await query(stack, `sum(${metrics.errors.name}{cause="${code}"})`)
  return Number(sample?.value[1] ?? 0)
}

beforeAll(async () => {
  await scaleTo(stack, 3)
  bystander = await openSocket(stack)
})

afterAll(async () => {
  await bystander.close()
})

test.each<[string, string | Buffer, ErrorCode]>([
  ['broken JSON', '{"type":', 'invalid_json'],
  ['JSON that is no object', '[1]', 'invalid_json'],
  ['an unknown type', '{"type":"shout"}', 'unknown_type'],
  ['a message without data', '{"type":"message"}', 'invalid_message'],
  ['a room that was not joined', '{"type":"broadcast","room":"nobody","data":1}', 'not_in_room'],
  ['a binary frame', Buffer.from([0, 1, 2]), 'binary_not_supported'],
])('%s is answered with its code, counted, and the socket goes on', async (_what, frame, code) => {
  const before = await errorsCounted(code)
  const socket = await neighbour()
  socket.send(frame)
  expect(await socket.next('error')).toMatchObject({ code, message: expect.stringMatching(/\w+/) })
  socket.send({ type: 'message', id: 1, data: 'still here' })
  expect(await socket.next('message_response')).toMatchObject({ id: 1, data: 'still here' })
  await socket.close()
  await until(`${code} counted`, async () => (await errorsCounted(code)) > before, 20_000)
})

test('a frame of 1 MiB closes its socket with 1009 and is counted', async () => {
  const before = await errorsCounted('frame_too_large')
  const socket = await neighbour()
  socket.send(JSON.stringify({ type: 'message', data: 'x'.repeat(2 ** 20) }))
  expect((await socket.closed).code).toBe(closeCodes.frame_too_large.code)
  await until('the frame counted', async () => (await errorsCounted('frame_too_large')) > before, 20_000)
})

test('ten times too many messages are refused, not processed, and counted', async () => {
  const socket = await neighbour()
  const info = await fetch(url(stack, 'LAB_PORT', paths.apiInfo))
  const { limits } = (await info.json()) as { limits: { messagesPerSecond: number } }
  const before = await errorsCounted('rate_limited')
  for (let id = 0; id < limits.messagesPerSecond * 10; id++) socket.send({ type: 'heartbeat', id })
  expect(await socket.next('error')).toMatchObject({ code: 'rate_limited' })
  await until('refusals counted', async () => (await errorsCounted('rate_limited')) > before, 20_000)
  if (socket.isOpen()) await socket.close()
  else expect((await socket.closed).code).toBe(closeCodes.rate_abuse.code)
})

test.each([
  ['a path that is not there', '/wss', 404],
  ['a metrics path', paths.metrics, 403],
  ['a connection id with a slash', '/ws/chat/a/b', 404],
  ['a connection id that is too long', `/ws/chat/${'x'.repeat(65)}`, 400],
])('an upgrade on %s is refused', async (_what, path, status) => {
  const refusal = await openSocket(stack, { path }).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(Refused)
  expect((refusal as Refused).status).toBe(status)
})

test('plain HTTP on a socket path says what to do instead', async () => {
  const response = await fetch(url(stack, 'LAB_PORT', paths.ws))
  expect(response.status).toBe(426)
  expect(await response.text()).toMatch(/websocket/i)
})

test('the well-behaved client next to all this noticed nothing', async () => {
  bystander.send({ type: 'message', id: 'after', data: 'fine' })
  expect(await bystander.next('message_response')).toMatchObject({ id: 'after', data: 'fine' })
  expect(bystander.received.filter(({ type }) => type !== 'heartbeat')).toEqual([])
})
