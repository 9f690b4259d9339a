/** The test suite for implementations of RoomLog. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Published, RoomLog, RoomMessage } from '../../src/room-log.ts'

/** A room log together with a record of all events that the log has reported. */
export class LogUser {
  readonly messages: RoomMessage[] = []
  /** The text of each message that was delivered provisionally. */
  readonly provisional: string[] = []
  /** The texts of all messages in the order in which they were first delivered, provisionally or from the log. */
  readonly delivered = new Set<string>()
  readonly lost: number[] = []
  /** The sequence numbers to which the log fell back when the store lost messages. */
  readonly wentBackTo: number[] = []
  readonly log: RoomLog
  /** For each message text, the message's arrival time as returned by performance.now(). */
  readonly arrivals = new Map<string, number>()

  constructor(log: RoomLog) {
    this.log = log
  }

  async start(): Promise<this> {
    await this.log.start({
      onMessage: (message) => {
        this.messages.push(message)
        this.delivered.add(message.head.toString())
        this.arrivals.set(message.head.toString(), performance.now())
      },
      onProvisional: ({ head }) => {
        this.provisional.push(head.toString())
        this.delivered.add(head.toString())
      },
      onLost: (upToSeq, backTo) => {
        this.lost.push(upToSeq)
        if (backTo !== undefined) this.wentBackTo.push(backTo)
      },
      onEnd: () => {},
    })
    return this
  }

  /**
   * Publishes a message that uses the same string as both its text and its key.
   * @returns an array to which each outcome of the message is added when it arrives
   */
  publish(room: string, text: string): Published[] {
    const outcomes: Published[] = []
    const draft = { room, key: text, head: Buffer.from(text), publishedAtMs: Date.now() }
    this.log.publish(draft, (outcome) => void outcomes.push(outcome))
    return outcomes
  }

  get texts(): string[] {
    return this.messages.map(({ head }) => head.toString())
  }
}

/** @param make a function that creates a room log in an empty store, without starting the log */
export function roomLogSuite(make: () => RoomLog | Promise<RoomLog>): void {
  let user: LogUser
  const arrived = (count: number) => vi.waitFor(() => expect(user.messages.length).toBe(count), { timeout: 60_000 })

  beforeEach(async () => {
    user = await new LogUser(await make()).start()
  })
  afterEach(() => user.log.stop())

  test('waits a limited time for a future sequence number', async () => {
    await user.log.reached(user.log.position)
    const ahead = user.log.position + 1
    const reached = user.log.reached(ahead)
    user.publish('tea', 'one')
    await reached
    expect(user.log.position).toBeGreaterThanOrEqual(ahead)
    await user.log.reached(Number.MAX_SAFE_INTEGER)
  })

  test('delivers messages unchanged and in order, with increasing sequence numbers and contiguous offsets per room', async () => {
    const head = Buffer.from('{"text":"Grüße 🐝","nul":"\0"')
    const outcomes: Published[] = []
    const beginning = user.log.position
    for (const [index, room] of ['tea', 'milk ☕', 'tea', 'tea', 'milk ☕'].entries()) {
      user.log.publish({ room, key: String(index), head, publishedAtMs: 1_700_000_000_000 + index }, (outcome) => outcomes.push(outcome))
    }
    await arrived(5)
    await vi.waitFor(() => expect(outcomes.length).toBe(5))
    expect(user.messages.map(({ room, offset }) => [room, offset])).toEqual([
      ['tea', 1],
      ['milk ☕', 1],
      ['tea', 2],
      ['tea', 3],
      ['milk ☕', 2],
    ])
    expect(user.messages.every((message) => head.equals(message.head))).toBe(true)
    expect(user.messages.map(({ publishedAtMs }) => publishedAtMs - 1_700_000_000_000)).toEqual([0, 1, 2, 3, 4])
    const places = user.messages.map(({ seq }) => seq)
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
    expect(places[0]).toBeGreaterThan(beginning)
    expect(outcomes).toEqual(places.map((seq) => ({ result: 'stored', seq })))
    expect([user.log.position, user.log.waiting, user.log.healthy()]).toEqual([places.at(-1), 0, true])
  })

  test('a second message with the same key gets the same sequence number and is not delivered', async () => {
    const [first, second] = [user.publish('tea', 'a'), user.publish('tea', 'a')]
    const third = user.publish('tea', 'b')
    await arrived(2)
    await vi.waitFor(() => expect(third.length).toBe(1))
    const later = user.publish('tea', 'a')
    await vi.waitFor(() => expect(later.length).toBe(1))
    const seq = user.messages[0]?.seq
    expect(first).toEqual([{ result: 'stored', seq }])
    expect(second).toEqual([{ result: 'duplicate', seq }])
    expect(later).toEqual([{ result: 'duplicate', seq }])
    expect(user.texts).toEqual(['a', 'b'])
    expect(user.messages.map(({ offset }) => offset)).toEqual([1, 2])
  })

  test('many messages at once arrive in order and without unnecessary delay', async () => {
    const texts = Array.from({ length: 2000 }, (_, index) => `message ${index}`)
    const outcomes = texts.map((text, index) => user.publish(`room ${index % 7}`, text))
    await arrived(2000)
    await vi.waitFor(() => expect(user.log.waiting).toBe(0))
    expect(user.texts).toEqual(texts)
    expect(outcomes.map(([outcome]) => outcome && 'seq' in outcome && outcome.seq)).toEqual(user.messages.map(({ seq }) => seq))
    expect(user.lost.filter((seq) => seq >= (user.messages[0]?.seq ?? 0))).toEqual([])
    expect(user.provisional).toEqual([])
  })
}
