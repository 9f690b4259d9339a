/**
 * Provides virtual time, with a single scheduler for all events. Every action is an event with a scheduled time. Events run one at a time,
 * and the promises that an event settles are processed before the next event runs. The same seed always produces the same events.
 */
import type { Timers } from '@lab/ws/ports.ts'

/** A simulated process. A process's events wait while it is paused, and never run after it has exited. */
export class Process {
  ended = false
  paused = false
  /** Events that came due while the process was paused. */
  readonly missed: Event[] = []
}

interface Event {
  atMs: number
  /** Events with the same time run in the order in which they were scheduled. */
  order: number
  process: Process | undefined
  /** The event's action; undefined once the event has been cancelled. */
  act: (() => void) | undefined
}

/** Number of events after which Node's event loop gets a turn, so that the Node process can handle signals. */
const turnEvery = 500

export class Timeline {
  nowMs = 0
  /** Number of events that have run so far. */
  count = 0
  /** A binary heap of events; its first element is the next event to run. */
  private readonly heap: Event[] = []
  private planned = 0

  /** Schedules an event. Returns a function that cancels the event. */
  at(atMs: number, then: () => void, process?: Process): () => void {
    const event: Event = { atMs: Math.max(atMs, this.nowMs), order: this.planned++, process, act: then }
    this.push(event)
    return () => {
      event.act = undefined
    }
  }

  after(ms: number, then: () => void, process?: Process): () => void {
    return this.at(this.nowMs + ms, then, process)
  }

  /** Timers of a process. */
  timersOf(process: Process): Timers {
    const every: Timers['every'] = (ms, then) => {
      let cancel = () => {}
      const next = () => {
        cancel = this.after(ms, next, process)
        then()
      }
      cancel = this.after(ms, next, process)
      return () => cancel()
    }
    return { after: (ms, then) => this.after(ms, then, process), every, soon: (then) => void this.after(0, then, process) }
  }

  /** Resumes a paused process and, in order, runs the events that came due during the pause. */
  resume(process: Process): void {
    process.paused = false
    for (const event of process.missed.splice(0)) {
      event.atMs = this.nowMs
      event.order = this.planned++
      this.push(event)
    }
  }

  /** Runs events until the given time, or until `stop` returns true. */
  async runUntil(untilMs: number, stop: () => boolean = () => false): Promise<void> {
    for (let event = this.heap[0]; event !== undefined && event.atMs <= untilMs && !stop(); event = this.heap[0]) {
      this.pop()
      const { act, process: of } = event
      if (act === undefined || of?.ended) continue
      this.nowMs = event.atMs
      if (of?.paused) {
        of.missed.push(event)
        continue
      }
      this.count++
      act()
      // Waits until all settled promises have been processed; `setImmediate` also lets Node's event loop handle signals.
      await new Promise<void>((resolve) => (this.count % turnEvery === 0 ? setImmediate(resolve) : process.nextTick(resolve)))
    }
    if (!stop()) this.nowMs = Math.max(this.nowMs, untilMs)
  }

  private push(event: Event): void {
    const { heap } = this
    let index = heap.push(event) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (!comesBefore(event, heap[above] as Event)) break
      heap[index] = heap[above] as Event
      index = above
    }
    heap[index] = event
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && comesBefore(heap[below + 1] as Event, heap[below] as Event)) below++
      if (!comesBefore(heap[below] as Event, last)) break
      heap[index] = heap[below] as Event
      index = below
    }
    heap[index] = last
  }
}

function comesBefore(one: Event, other: Event): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs
}

/** One direction of a connection; data arrives in order, after a delay. */
export class Channel {
  private readonly timeline: Timeline
  private readonly receiver: Process | undefined
  private readonly delayMs: () => number
  private lastMs = 0
  private held = false
  /** Number of chunks that are due but held back because the network is cut. */
  private waiting = 0
  /** The chunks in transit, oldest first. */
  private queue: (() => void)[] = []
  private over = false

  /** @param receiver the process that receives the chunks */
  constructor(timeline: Timeline, delayMs: () => number, receiver?: Process) {
    this.timeline = timeline
    this.delayMs = delayMs
    this.receiver = receiver
  }

  get isCut(): boolean {
    return this.over
  }

  get underWay(): number {
    return this.queue.length
  }

  send(arrive: () => void): void {
    if (this.over) return
    this.queue.push(arrive)
    this.lastMs = Math.max(this.lastMs, this.timeline.nowMs + this.delayMs())
    this.plan(this.lastMs)
  }

  /** Delivers nothing until `release` is called. */
  hold(): void {
    this.held = true
  }

  release(): void {
    this.held = false
    for (; this.waiting > 0; this.waiting--) this.plan(this.timeline.nowMs)
  }

  /** Stops sending. At most `left` of the chunks in transit still arrive; if the network is cut, none of them arrive. */
  cut(left: number): void {
    this.over = true
    this.queue.length = Math.min(this.queue.length, this.held ? 0 : left)
  }

  /** Schedules the delivery of the oldest chunk in transit, so that no chunk overtakes another. */
  private plan(atMs: number): void {
    this.timeline.at(
      atMs,
      () => {
        if (this.held) this.waiting++
        else this.queue.shift()?.()
      },
      this.receiver,
    )
  }
}
