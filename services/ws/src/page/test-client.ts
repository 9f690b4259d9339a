/** The test client page: shows what the lab's client does and says. */
import type { Client, ClientEvent, ClientState, RoomMessage } from '../../../../client/src/client.ts'
import { createClient } from '../../../../client/src/client.ts'
import { paths } from '../../../../contract/src/endpoints.ts'

const maxLogLines = 200

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
let openedAtMs = 0
let frames = 0

function log(direction: string, text: string): void {
  if (paused) return
  const line = document.createElement('div')
  line.textContent = `${new Date().toLocaleTimeString()} ${direction} ${text}`
  const list = byId('log')
  list.prepend(line)
  while (list.children.length > maxLogLines) list.lastChild?.remove()
}

/** The cookie would bring us back to the replica that asks us to go. Scripts can't read or drop it. */
async function forgetReplica(): Promise<void> {
  await fetch(paths.forgetReplica, { method: 'POST' })
}

/** Connects. What is heard before the client is in our hands is shown right after. */
function connect(): Client {
  const url = `${location.origin.replace('http', 'ws')}${paths.ws}`
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
      if (event.direction === 'in') frames++
      log(event.direction === 'in' ? '←' : '→', event.text)
      break
    case 'state':
      showState(event.state)
      break
    case 'message':
      showMessage(event.message)
      break
    case 'attached':
      openedAtMs = performance.now()
      log('!', event.how === 'resumed' ? `resumed at ${event.replica}` : `new session at ${event.replica} ${event.refused ?? ''}`)
      break
    case 'closed':
      log('!', `closed: ${event.code} ${event.reason} (${event.why})`)
      break
    case 'gap':
      log('!', `missing: ${event.missing ?? 'some, perhaps,'} of ${event.room ?? 'any room'} (${event.why})`)
      break
    case 'refused':
    case 'error':
      log('!', `${event.code ?? 'error'}: ${event.text}`)
  }
  showStats()
}

function showState({ word, reason, nextTryInMs, replica, movedFrom, connectionId, closeCode }: ClientState): void {
  const inSeconds = nextTryInMs === undefined ? '' : ` in ${(nextTryInMs / 1000).toFixed(1)} s`
  const texts = {
    connecting: 'connecting',
    open: 'open',
    leaving: `${reason}; moving${inSeconds}`,
    waiting: `reconnecting${inSeconds}`,
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
  const { sent, rttMs, reconnects, resumes, moves, gaps, missing, unanswered, duplicatesDropped } = client.stats
  show('counts', `${sent} / ${frames}`)
  show('unanswered', String(unanswered))
  show('rtt', rttMs === undefined ? '–' : `${Math.round(rttMs)} ms`)
  show('reconnects', `${reconnects} / ${resumes}`)
  show('moves', String(moves))
  show('gaps', `${missing} / ${gaps}`)
  show('duplicates', String(duplicatesDropped))
}

/** What a click asks for; what can't be asked for now is said in the log. */
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
    if (client.state.word === 'closed') client = connect()
  },
  drop: () => client.drop(),
  'leave-lab': () => client.close(),
  join: () => client.join(textOf('room')),
  leave: () => client.leave(textOf('room')),
  broadcast: () => client.broadcast(textOf('room'), textOf('text')),
  pause: () => {
    paused = !paused
    byId('pause').setAttribute('aria-pressed', String(paused))
    show('pause', paused ? 'Go on' : 'Pause')
  },
  clear: () => byId('log').replaceChildren(),
}

byId('send-form').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(() => client.send(textOf('text')))
})
for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener('click', () => attempt(click))
setInterval(() => show('age', client.state.word === 'open' ? `${Math.floor((performance.now() - openedAtMs) / 1000)} s` : '–'), 1000)

let client = connect()
