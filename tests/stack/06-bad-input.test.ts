/** Tests that the stack responds to invalid input and counts it, without any effect on other clients. */

import { closeCodes } from '@lab/contract/close-codes.ts'
import { paths } from '@lab/contract/endpoints.ts'
import type { ErrorCode } from '@lab/contract/messages.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { query } from './lib/prometheus.ts'
import { openSocket, Refused, type TestSocket } from './lib/socket.ts'
import { scaleTo, url } from './lib/stack.ts'

const stack = inject('stack')

/** A well-behaved client is connected to the replica that receives the invalid input. */
let bystander: TestSocket
const neighbour = () => openSocket(stack, { cookie: bystander.cookie })

async function errorsCounted(code: ErrorCode): Promise<number> {
  const [sample] = await query(stack, `sum(${metrics.errors.name}{cause="${code}"})`)
  return sample?.value ?? 0
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
])('%s is answered with its error code and counted, and the socket stays open', async (_what, frame, code) => {
  const before = await errorsCounted(code)
  const socket = await neighbour()
  socket.send(frame)
  expect(await socket.next('error')).toMatchObject({ code, message: expect.stringMatching(/\w+/) })
  socket.send({ type: 'message', id: 1, data: 'still here' })
  expect(await socket.next('message_response')).toMatchObject({ id: 1, data: 'still here' })
  await socket.close()
  await until(`${code} is counted`, async () => (await errorsCounted(code)) > before, { withinMs: 20_000 })
})

test('a frame of 1 MiB closes the socket with 1009 and is counted', async () => {
  const before = await errorsCounted('frame_too_large')
  const socket = await neighbour()
  socket.send(JSON.stringify({ type: 'message', data: 'x'.repeat(2 ** 20) }))
  expect((await socket.closed).code).toBe(closeCodes.frame_too_large.code)
  await until('the frame is counted', async () => (await errorsCounted('frame_too_large')) > before, { withinMs: 20_000 })
})

test('messages above the rate limit are refused, not processed, and counted', async () => {
  const socket = await neighbour()
  const info = await fetch(url(stack, 'LAB_PORT', paths.apiInfo))
  const { limits } = (await info.json()) as { limits: { messagesPerSecond: number } }
  const before = await errorsCounted('rate_limited')
  for (let id = 0; id < limits.messagesPerSecond * 10; id++) socket.send({ type: 'heartbeat', id })
  expect(await socket.next('error')).toMatchObject({ code: 'rate_limited' })
  await until('the refusals are counted', async () => (await errorsCounted('rate_limited')) > before, { withinMs: 20_000 })
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

test('a plain HTTP request to a socket path gets instructions', async () => {
  const response = await fetch(url(stack, 'LAB_PORT', paths.ws))
  expect(response.status).toBe(426)
  expect(await response.text()).toMatch(/websocket/i)
})

test('the normal client on the same replica was not affected', async () => {
  bystander.send({ type: 'message', id: 'after', data: 'fine' })
  expect(await bystander.next('message_response')).toMatchObject({ id: 'after', data: 'fine' })
  expect(bystander.received.filter(({ type }) => type !== 'heartbeat')).toEqual([])
})
