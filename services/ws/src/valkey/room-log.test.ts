import { expect, test } from 'vitest'
import { testConfig } from '../../test/harness.ts'
import { standardTimers } from '../ports.ts'
import type { RoomDraft } from '../room-log.ts'
import type { ConnectionOptions, ValkeyConnection } from './connection.ts'
import { ValkeyRoomLog } from './room-log.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const draftOf = (text: string, afterSeq = 0): RoomDraft => ({ room: 'tea', head: Buffer.from(text), publishedAtMs: 0, key: text, afterSeq })

/** A room log whose Valkey stores each message at once, but whose reading connection receives nothing until `read` is called. */
async function unreadLog(env: Parameters<typeof testConfig>[0] = {}) {
  let stored = 0
  let up = true
  let deliver: (reply: unknown) => void = () => {}
  const reached = Promise.resolve()
  const writer = { up: true, reached, run: async () => [String(++stored), 0], fail: () => {} }
  Object.defineProperty(writer, 'up', { get: () => up })
  const connect = ({ onUp }: ConnectionOptions) => {
    const run = async () => ['0', 0, '1']
    const send = () => new Promise((resolve) => (deliver = resolve))
    return { up: true, reached, start: onUp, run, send, fail: () => {}, stop: () => {} } as unknown as ValkeyConnection
  }
  const delivered: string[] = []
  const log = new ValkeyRoomLog({
    config: testConfig(env),
    // The log does not wait for a reader that receives nothing.
    timers: { ...standardTimers, after: (_, then) => standardTimers.after(0, then) },
    valkey: writer as unknown as ValkeyConnection,
    connect,
    readerName: 'reader',
    onHealth: () => {},
  })
  await log.start({
    onMessage: ({ head }) => void delivered.push(`${head} from the log`),
    onProvisional: ({ head }) => void delivered.push(String(head)),
    onLost: () => {},
    onEnd: () => {},
  })
  const publish = async (text: string, afterSeq?: number) => {
    const outcomes: string[] = []
    log.publish(draftOf(text, afterSeq), ({ result }) => void outcomes.push(result))
    await turn()
    return outcomes
  }
  const read = async (seq: number, text: string) => {
    const fields = ['room', 'tea', 'head', text, 'at', '0', 'offset', '1', 'after', String(seq - 1), 'key', text].map((one) =>
      Buffer.from(one),
    )
    deliver(['log', [[Buffer.from(`0-${seq}`), fields]]])
    await turn()
  }
  const lose = () => {
    up = false
    log.connectionDown(new Error('gone'))
  }
  return { publish, read, lose, delivered }
}

test('a message that is stored but unread is delivered before the provisional messages that follow, and once', async () => {
  const { publish, lose, delivered } = await unreadLog()
  expect(await publish('first')).toEqual(['stored'])
  expect(await publish('second')).toEqual(['stored'])
  lose()
  expect(await publish('third')).toEqual(['provisional'])
  lose()
  expect(delivered).toEqual(['first', 'second', 'third'])
})

test('a message that was read before the connection was lost is not delivered again', async () => {
  const { publish, read, lose, delivered } = await unreadLog()
  await publish('first')
  await publish('second')
  await read(1, 'first')
  lose()
  await publish('third')
  expect(delivered).toEqual(['first from the log', 'second', 'third'])
})

test('no more unread messages are stored than the outbox may hold', async () => {
  const { publish, lose, delivered } = await unreadLog({ ROOM_OUTBOX_MESSAGES: 3 })
  for (const text of ['1', '2', '3', '4', '5']) await publish(text)
  lose()
  expect(delivered).toEqual(['5'])
})

test('a message of a sender that has received more of the log is delivered once the replica has read that part', async () => {
  const { publish, read, lose, delivered } = await unreadLog()
  lose()
  expect(await publish('of the sender', 2)).toEqual(['provisional'])
  await publish('of another')
  expect(delivered).toEqual(['of another'])
  await read(1, 'first')
  await publish('later of the sender', 2)
  expect(delivered).toEqual(['of another', 'first from the log'])
  await read(2, 'second')
  await publish('last of the sender', 2)
  expect(delivered.slice(2)).toEqual(['second from the log', 'of the sender', 'later of the sender', 'last of the sender'])
})
