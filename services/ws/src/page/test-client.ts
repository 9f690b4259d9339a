/** Runs the test client page, which displays the state and events of the lab's client library. */
import type { Client, ClientEvent, ClientState, RoomMessage } from '../../../../client/src/client.ts'
import { createClient } from '../../../../client/src/client.ts'
import { paths } from '../../../../contract/src/endpoints.ts'
import { maxClients, PageClients } from './page-clients.ts'
import { milliseconds, RoundTrips } from './round-trips.ts'

const maxLogLines = 200
/** Interval between round-trip measurements, and timeout for the request that deletes the sticky cookie. Milliseconds. */
const measureEveryMs = 2_000
const forgetWithinMs = 2_000
/** The content of a message that measures the round-trip time. */
const measureData = { measure: true }

function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no ${id}`)
  return element
}

function show(id: string, text: string): void {
  byId(id).textContent = text
}

function textOf(id: string): string {
  return (byId(id) as HTMLInputElement).value
}

let paused = false
/** The start times of the session and the connection, and the time of the last frame, on the page's monotonic clock. */
let sessionBeganMs = 0
let openedAtMs = 0
let heardAtMs = 0
let frames = 0
let measuring = true
/** The id of the measurement message whose response has not arrived yet. */
let measured: string | undefined
/** Whether the last connection ended because the other side had silently disappeared (half-open). */
let foundDead = false
const roundTrips = new RoundTrips()

function log(direction: string, text: string): void {
  if (paused) return
  const line = document.createElement('div')
  line.textContent = `${new Date().toLocaleTimeString()} ${direction} ${text}`
  const list = byId('log')
  list.prepend(line)
  while (list.children.length > maxLogLines) list.lastChild?.remove()
}

/**
 * Deletes the sticky cookie, which would otherwise route the client back to the replica that sent the goodbye message. Scripts cannot
 * delete the HttpOnly cookie themselves, so the server deletes it.
 */
async function forgetReplica(): Promise<void> {
  await fetch(paths.forgetReplica, { method: 'POST', signal: AbortSignal.timeout(forgetWithinMs) })
}

const url = `${location.origin.replace('http', 'ws')}${paths.ws}`

/** Connects. Events that occur before `createClient` has returned are handled right after it returns. */
function connect(): Client {
  const early: ClientEvent[] = []
  let made: Client | undefined
  const onEvent = (event: ClientEvent) => (made === undefined ? void early.push(event) : take(event))
  made = createClient({ url, onEvent, forgetReplica, trace: true })
  queueMicrotask(() => early.forEach(take))
  return made
}

function take(event: ClientEvent): void {
  switch (event.type) {
    case 'frame':
      if (event.direction === 'in') {
        frames++
        heardAtMs = performance.now()
      }
      if (!isMeasuring(event.text)) log(event.direction === 'in' ? '←' : '→', event.text)
      break
    case 'state':
      showState(event.state)
      break
    case 'message':
      showMessage(event.message)
      break
    case 'answered':
      if (event.id === measured) measured = undefined
      if (event.sends === 1) roundTrips.add(event.tookMs)
      break
    case 'attached':
      attached(event)
      log('!', event.how === 'resumed' ? `resumed at ${event.replica}` : `new session at ${event.replica} ${event.refused ?? ''}`)
      break
    case 'closed':
      // A failed connection attempt does not change why the client is reconnecting.
      if (event.opened) foundDead = event.why === 'half_open'
      log('!', `closed: ${event.code} ${event.reason} (${event.why})`)
      break
    case 'gap':
      log('!', `missing: ${event.missing ?? 'possibly some messages'} of ${event.room ?? 'any room'} (${event.why})`)
      break
    case 'refused':
      if (event.id === measured) measured = undefined
      log('!', `${event.code}: ${event.text}`)
      break
    case 'error':
      log('!', `${event.code ?? 'error'}: ${event.text}`)
  }
  showStats()
}

/** Whether a frame contains a measurement message or the response to one. */
function isMeasuring(text: string): boolean {
  return text.includes(JSON.stringify(measureData))
}

function attached({ how, replica, version, colour }: Extract<ClientEvent, { type: 'attached' }>): void {
  openedAtMs = performance.now()
  foundDead = false
  if (how === 'fresh') sessionBeganMs = openedAtMs
  if (replica !== lastReplica && lastReplica !== undefined) show('moved-at', new Date().toLocaleTimeString())
  lastReplica = replica
  show('version', version ?? '–')
  show('colour', colour ?? '–')
  showAges()
}
let lastReplica: string | undefined

function showState({ word, reason, nextTryInMs, replica, movedFrom, connectionId, closeCode }: ClientState): void {
  const inSeconds = nextTryInMs === undefined ? '' : ` in ${(nextTryInMs / 1000).toFixed(1)} s`
  const dead = foundDead ? 'no frame for two heartbeat intervals: the connection is dead; ' : ''
  const texts = {
    connecting: `${dead}connecting`,
    open: 'open',
    leaving: `${reason}; moving${inSeconds}`,
    waiting: `${dead}reconnecting${inSeconds}`,
    closed: `closed (${closeCode} ${reason})`,
  }
  byId('state').dataset.state = word
  show('state-text', texts[word])
  show('replica', replica ?? '–')
  show('moved', movedFrom ?? '–')
  show('connection', connectionId ?? '–')
}

function showMessage({ room, from, data, provisional, earlier }: RoomMessage): void {
  const line = document.createElement('li')
  const notes = [provisional && 'not stored yet', earlier].filter(Boolean).join(', ')
  line.textContent = `${room} · ${from.slice(0, 8)}: ${typeof data === 'string' ? data : JSON.stringify(data)}${notes && ` (${notes})`}`
  const list = byId('room-messages')
  list.append(line)
  while (list.children.length > maxLogLines) list.firstChild?.remove()
}

function showStats(): void {
  const { sent, reconnects, resumes, moves, gaps, missing, unanswered, duplicatesDropped, halfOpen } = client.stats
  show('counts', `${sent} / ${frames}`)
  show('unanswered', String(unanswered))
  show('reconnects', `${reconnects} / ${resumes}`)
  show('moves', String(moves))
  show('gaps', `${missing} / ${gaps}`)
  show('duplicates', String(duplicatesDropped))
  show('half-open', String(halfOpen))
  showRoundTrips()
}

function showRoundTrips(): void {
  const { range, p95, count } = roundTrips
  if (range === undefined || p95 === undefined) return
  show('rtt', milliseconds(range.last))
  show('p95', milliseconds(p95))
  byId('rtt-line').setAttribute('d', roundTrips.path(240, 48))
  const text = `Of the last ${count}, the shortest took ${milliseconds(range.least)} and the longest ${milliseconds(range.most)}`
  byId('rtt-graph').setAttribute('aria-label', text)
}

/** Updates the displayed durations, which change as time passes. */
function showAges(): void {
  const seconds = (sinceMs: number) => `${Math.floor((performance.now() - sinceMs) / 1000)} s`
  show('session-age', sessionBeganMs === 0 || client.state.word === 'closed' ? '–' : seconds(sessionBeganMs))
  show('age', client.state.word === 'open' ? seconds(openedAtMs) : '–')
  show('heard', heardAtMs === 0 ? '–' : `${seconds(heardAtMs)} ago`)
}

/** Sends a message that measures the round-trip time, unless the response to the previous one is still pending. */
function measure(): void {
  if (measuring && measured === undefined && client.state.word === 'open') measured = client.send(measureData)
}

function showClients(): void {
  const places = clients.places()
  // Screen readers announce the status of the additional connections, so this text does not change every time a socket opens.
  show('clients-text', clients.filling ? 'opening' : clients.size === 0 ? 'none open' : `${clients.open} of ${maxClients} open`)
  byId('clients').replaceChildren(
    ...places.map(({ replica, sockets }) => {
      const [item, name, bar, count] = ['li', 'span', 'progress', 'span'].map((tag) => document.createElement(tag))
      if (item === undefined || name === undefined || count === undefined || !(bar instanceof HTMLProgressElement)) return ''
      name.textContent = replica ?? 'connecting'
      bar.max = maxClients
      bar.value = sockets
      bar.setAttribute('aria-label', `Sockets at ${replica ?? 'no replica yet'}`)
      count.textContent = String(sockets)
      item.append(name, bar, count)
      return item
    }),
  )
}

const clients = new PageClients((onEvent) => createClient({ url, onEvent, forgetReplica }), forgetReplica, showClients)

/** Performs the action of a clicked button. If the action throws an error, the frame log shows the error's message. */
function attempt(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    log('!', error instanceof Error ? error.message : String(error))
  }
  showStats()
}

const clicks: Record<string, () => unknown> = {
  connect: () => {
    if (client.state.word !== 'closed') return
    measured = undefined
    client = connect()
  },
  drop: () => client.drop(),
  'leave-lab': () => client.close(),
  join: () => client.join(textOf('room')),
  leave: () => client.leave(textOf('room')),
  broadcast: () => client.broadcast(textOf('room'), textOf('text')),
  pause: () => {
    paused = !paused
    byId('pause').setAttribute('aria-pressed', String(paused))
    show('pause', paused ? 'Continue' : 'Pause')
  },
  clear: () => byId('log').replaceChildren(),
  measure: () => {
    measuring = !measuring
    byId('measure').setAttribute('aria-pressed', String(measuring))
  },
  'open-clients': () => clients.fill(),
  'close-clients': () => clients.close(),
}

byId('send-form').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(() => client.send(textOf('text')))
})
for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener('click', () => attempt(click))
setInterval(showAges, 1000)
setInterval(() => attempt(measure), measureEveryMs)

let client = connect()
