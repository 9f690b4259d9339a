/** Tests invalid handshakes, and clients that stop at any step of a handshake. */
import { setTimeout as sleep } from 'node:timers/promises'
import { paths, refusedHeader } from '@lab/contract/endpoints.ts'
import { metrics, type RefusalCause } from '@lab/contract/metrics.ts'
import { describe, expect, test } from 'vitest'
import { bystander } from './bystander.ts'
import { eventually, testReplica } from './harness.ts'
import { frame, handshake, opcodes, RawPeer } from './raw.ts'

const longHeader = { 'X-Long': 'x'.repeat(20_000) }

describe('an invalid upgrade', () => {
  const cases: [string, string, number, RefusalCause, RegExp][] = [
    ['a path without sockets', handshake('/nope'), 404, 'unknown_path', /no WebSocket at \/nope; use \/ws or /],
    ['a connection id with a space', handshake('/ws/chat/a%20b'), 400, 'bad_connection_id', /"a b": allowed is what matches /],
    ['a connection id that is too long', handshake(`/ws/chat/${'x'.repeat(65)}`), 400, 'bad_connection_id', /allowed is what matches /],
    ['a connection id that is not text', handshake('/ws/chat/%E0%A4%A'), 400, 'bad_connection_id', /allowed is what matches /],
    ['no key', handshake('/ws', { 'Sec-WebSocket-Key': null }), 400, 'bad_handshake', /Sec-WebSocket-Key/],
    ['a short key', handshake('/ws', { 'Sec-WebSocket-Key': 'abc' }), 400, 'bad_handshake', /Sec-WebSocket-Key/],
    ['no version', handshake('/ws', { 'Sec-WebSocket-Version': null }), 400, 'bad_handshake', /Sec-WebSocket-Version.*13/],
    ['a later version', handshake('/ws', { 'Sec-WebSocket-Version': '14' }), 400, 'bad_handshake', /Sec-WebSocket-Version.*13/],
    ['an earlier version', handshake('/ws', { 'Sec-WebSocket-Version': '8' }), 400, 'bad_handshake', /Sec-WebSocket-Version.*13/],
    [
      'another spelling of the version',
      handshake('/ws', { 'Sec-WebSocket-Version': '013' }),
      400,
      'bad_handshake',
      /Sec-WebSocket-Version.*13/,
    ],
    ['a broken subprotocol', handshake('/ws', { 'Sec-WebSocket-Protocol': ',' }), 400, 'bad_handshake', /Sec-WebSocket-Protocol/],
    ['headers that are too large', handshake('/ws', longHeader), 431, 'bad_handshake', /allowed are 16384 bytes/],
    ['not HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', 400, 'bad_handshake', /not an HTTP\/1.1 request/],
  ]
  test.each(cases)('%s', async (_what, request, status, cause, text) => {
    const replica = await testReplica({ CLOSE_TIMEOUT: 100 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.connect(replica.port)
    peer.write(request)
    const response = await peer.response()
    expect(response.status).toBe(status)
    expect(response.headers[refusedHeader]).toMatch(text)
    expect(response.headers[refusedHeader]?.startsWith(`${cause}: `)).toBe(true)
    expect(await replica.metric(metrics.connectionsRefused.name, { cause })).toBe(1)
    expect(await replica.metric(metrics.connectionsRefused.name)).toBe(1)
    // The client leaves its side of the connection open, so its writes succeed until the replica has closed the socket.
    await eventually(
      () => peer.gone || void peer.write('x'),
      (gone) => gone === true,
      'the refused socket is cut',
    )
    await other.wasNotDisturbed()
  })

  test.each([
    ['an invalid host', handshake('/ws', { Host: 'a b' })],
    ['a path with a backslash', handshake('/ws\\x')],
    ['two hosts', handshake('/ws', { 'Sec-WebSocket-Version': '13\r\nHost: other' })],
    ['no host', handshake('/ws', { Host: null })],
  ])('%s is refused and counted', async (_what, request) => {
    const replica = await testReplica()
    const other = bystander(await replica.connect())
    const peer = await RawPeer.connect(replica.port)
    peer.write(request)
    expect((await peer.response()).status).toBe(400)
    expect(await replica.metric(metrics.connectionsRefused.name, { cause: 'bad_handshake' })).toBe(1)
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })

  test.each([
    ['a plain GET', 'GET /ws HTTP/1.1\r\nHost: lab\r\n\r\n'],
    ['a plain GET with an id', 'GET /ws/chat/ann HTTP/1.1\r\nHost: lab\r\n\r\n'],
    ['an upgrade to something else', handshake('/ws', { Upgrade: 'h2c' })],
    ['an upgrade without Connection', handshake('/ws', { Connection: null })],
  ])('%s is answered with 426', async (_what, request) => {
    const replica = await testReplica()
    const peer = await RawPeer.connect(replica.port)
    peer.write(request)
    const { status, headers } = await peer.response()
    expect({ status, upgrade: headers.upgrade }).toEqual({ status: 426, upgrade: 'websocket' })
    expect(await replica.metric(metrics.httpRequests.name, { status: '426' })).toBe(1)
    expect(await replica.metric(metrics.connectionsRefused.name)).toBe(0)
    peer.socket.destroy()
  })

  test.each([paths.apiMetrics, '/api/v1/metrics/us-east'])('%s refers to Prometheus', async (path) => {
    const replica = await testReplica()
    const response = await fetch(replica.httpUrl + path)
    expect(response.status).toBe(426)
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('upgrade_required')
    expect(error.message).toMatch(/^This path serves no metrics: query Prometheus instead\./)
  })

  test('a message that arrives together with the handshake is not lost', async () => {
    const replica = await testReplica()
    const peer = await RawPeer.connect(replica.port)
    const message = frame(opcodes.text, JSON.stringify({ type: 'message', data: 'eager' }))
    peer.write(Buffer.concat([Buffer.from(handshake()), message]))
    const answers = await eventually(
      () => peer.messages(),
      (messages) => messages.length === 2,
      'greeting and answer',
    )
    expect(answers[1]).toMatchObject({ type: 'message_response', data: 'eager' })
    peer.socket.destroy()
  })
})

test('a plain request with two hosts is refused', async () => {
  const replica = await testReplica()
  const peer = await RawPeer.connect(replica.port)
  peer.write('GET /health HTTP/1.1\r\nHost: lab\r\nHost: other\r\n\r\n')
  expect((await peer.response()).status).toBe(400)
  peer.socket.destroy()
})

test.each(['graphql-transport-ws', 'mqtt, v12.stomp'])('no subprotocol is accepted: %s', async (offered) => {
  const replica = await testReplica()
  const peer = await RawPeer.connect(replica.port)
  peer.write(handshake('/ws', { 'Sec-WebSocket-Protocol': offered }))
  const { status, headers } = await peer.response()
  expect(status).toBe(101)
  expect(headers).not.toHaveProperty('sec-websocket-protocol')
  peer.socket.destroy()
})

describe('a client that disconnects', () => {
  const requests: [string, string][] = [
    ['an accepted path', handshake(paths.ws)],
    ['an unknown path', handshake('/nope')],
    ['a bad connection id', handshake('/ws/chat/a%20b')],
    ['a broken handshake', handshake(paths.ws, { 'Sec-WebSocket-Key': null })],
    ['an upgrade to something else', handshake(paths.ws, { Upgrade: 'h2c' })],
    ['a broken host', handshake(paths.ws, { Host: 'a b' })],
    ['a plain path', 'GET /health HTTP/1.1\r\nHost: lab\r\n\r\n'],
  ]
  const half = frame(opcodes.text, JSON.stringify({ type: 'message', data: 'half of it is missing' })).subarray(0, 20)
  /** The bytes that the client sends before it closes the connection, and whether it waits for the response before closing. */
  const phases: [string, (request: string) => string | Buffer, boolean][] = [
    ['after connecting', () => '', false],
    ['within the request line', (request) => request.slice(0, 7), false],
    ['within the headers', (request) => request.slice(0, -9), false],
    ['right after the request', (request) => request, false],
    ['after the response', (request) => request, true],
    ['within a frame', (request) => Buffer.concat([Buffer.from(request), half]), true],
  ]
  const ends = {
    'a reset': (peer: RawPeer) => void peer.socket.resetAndDestroy(),
    'a FIN': (peer: RawPeer) => void peer.socket.end(),
    'a FIN and a reset': (peer: RawPeer) => void peer.socket.end(() => peer.socket.resetAndDestroy()),
  }

  test.each(requests)('during %s, at any time and in any way, affects no other client and leaks nothing', async (_what, request) => {
    const replica = await testReplica({ CLOSE_TIMEOUT: 100, HANDSHAKE_TIMEOUT: 500, RESUME_WINDOW: 0 })
    const other = bystander(await replica.connect())
    const before = openSockets()
    for (const end of Object.values(ends)) {
      for (const [, bytes, answered] of phases) {
        // Several clients connect at the same time, so that more than one of them is interrupted at the same step of the handshake.
        const peers = await Promise.all(Array.from({ length: 5 }, () => RawPeer.connect(replica.port)))
        for (const peer of peers) peer.write(bytes(request))
        if (answered) await Promise.all(peers.map((peer) => peer.response()))
        for (const peer of peers) end(peer)
        await eventually(
          () => openSockets(),
          (open) => open <= before,
          'every socket is gone, on both sides',
        )
      }
    }
    await eventually(
      () => replica.hub.size,
      (size) => size === 1,
      'only the bystander is left',
    )
    const opened = await replica.metric(metrics.connectionsOpened.name)
    expect(await replica.metric(metrics.connectionsClosed.name)).toBe(opened - 1)
    expect((await replica.connect()).raw.readyState).toBe(1)
    await other.wasNotDisturbed()
  })
})

describe('a slow request', () => {
  test('that arrives byte by byte is answered with 408', async () => {
    const replica = await testReplica({ HANDSHAKE_TIMEOUT: 300 })
    const other = bystander(await replica.connect())
    const peer = await RawPeer.connect(replica.port)
    // At one byte per 20 ms, the whole request would take four seconds.
    for (const char of handshake()) {
      if (peer.received.length > 0) break
      peer.write(char)
      await sleep(20)
    }
    const { status, headers } = await peer.response()
    expect(status).toBe(408)
    expect(headers[refusedHeader]).toBe('handshake_timeout: allowed are 300 ms for all headers')
    expect(await replica.metric(metrics.connectionsRefused.name, { cause: 'handshake_timeout' })).toBe(1)
    await other.wasNotDisturbed()
    peer.socket.destroy()
  })

  test('that never begins is closed', async () => {
    const replica = await testReplica({ HANDSHAKE_TIMEOUT: 300 })
    const peer = await RawPeer.connect(replica.port)
    expect((await peer.response()).status).toBe(408)
    peer.socket.destroy()
  })
})

/** Returns the number of TCP sockets in this process, which runs both the replica and the tests. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}
