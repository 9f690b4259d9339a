// The live page: draws what the lab tells twice a second, and sends what the buttons ask for.
const byId = (id) => document.getElementById(id)
const show = (id, text) => {
  const element = byId(id)
  if (element.textContent !== String(text)) element.textContent = text
}

/** Two minutes of points, from left to right. */
const points = 240
const lines = new Map()

/** Adds a point to a line. `highest` is what reaches the top; without it, the highest of its points. */
function draw(id, value, highest) {
  const values = lines.get(id) ?? []
  lines.set(id, values)
  values.push(value ?? 0)
  if (values.length > points) values.shift()
  const top = highest ?? Math.max(...values, 1)
  const first = points - values.length
  const steps = values.map((v, i) => `${i === 0 ? 'M' : 'L'}${((first + i) * 240) / (points - 1)},${46 - (v / top) * 44}`)
  byId(id).setAttribute('d', steps.join(''))
}

/** Word, shape and colour: none of them alone says how a replica is. */
const stateText = { starting: '○ starting', ready: '● ready', draining: '◆ draining', silent: '▲ not answering' }

function card(replica) {
  const item = document.createElement('li')
  item.dataset.id = replica.id
  item.innerHTML = '<h3><b></b><span></span></h3><progress></progress><p></p><p></p><p></p><div class="controls"></div>'
  item.querySelector('b').textContent = replica.id
  item.querySelector('progress').setAttribute('aria-label', `Connections of ${replica.id}`)
  for (const action of ['drain', 'kill']) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = action === 'drain' ? 'Drain' : 'Kill'
    button.setAttribute('aria-label', `${button.textContent} ${replica.id}`)
    button.addEventListener('click', () => order(`/api/${action}`, { id: replica.id }))
    item.querySelector('.controls').append(button)
  }
  return item
}

function update(item, replica, target, fullest) {
  item.dataset.state = replica.state
  item.querySelector('span').textContent = stateText[replica.state]
  const bar = item.querySelector('progress')
  bar.max = fullest
  bar.value = replica.connections
  const [first, second, third] = item.querySelectorAll('p')
  const about = replica.state === 'draining' ? ' to leave' : `, target ${target ?? '–'}`
  first.innerHTML = '<b></b> sockets'
  first.firstChild.textContent = replica.connections
  first.append(about)
  second.textContent = `${replica.messagesPerSecond ?? '–'} msg/s · CPU ${replica.cpuPercent ?? '–'} %`
  third.textContent = `${replica.memoryMiB} MiB · event loop ${replica.eventLoopPercent} %`
  // A replica that is not ready yet takes no orders. A hidden button would take the focus with it.
  for (const button of item.querySelectorAll('button')) {
    button.setAttribute(
      'aria-disabled',
      String(replica.state === 'starting' || (replica.state === 'draining' && button.textContent === 'Drain')),
    )
  }
}

function drawReplicas(replicas, target) {
  const list = byId('replicas')
  const fullest = Math.max(target ?? 0, ...replicas.map(({ connections }) => connections), 1)
  const items = new Map([...list.children].map((item) => [item.dataset.id, item]))
  for (const [id, item] of items) if (!replicas.some((replica) => replica.id === id)) remove(item)
  for (const replica of replicas) {
    const item = items.get(replica.id) ?? card(replica)
    update(item, replica, target, fullest)
    if (!items.has(replica.id)) list.append(item)
  }
}

/** Who stood on a button of a card that goes finds itself at the heading, not at the top of the page. */
function remove(item) {
  const hadFocus = item.contains(document.activeElement)
  item.remove()
  if (!hadFocus) return
  byId('replicas-title').tabIndex = -1
  byId('replicas-title').focus()
}

function drawEvents(events) {
  const newest = `${events.length} ${events.at(-1)?.time}`
  if (byId('events').dataset.newest === newest) return
  byId('events').dataset.newest = newest
  const newestFirst = events.slice(-12).reverse()
  byId('events').replaceChildren(
    ...newestFirst.map(({ time, text }) => {
      const line = document.createElement('li')
      line.textContent = `${new Date(time).toLocaleTimeString()} ${text}`
      return line
    }),
  )
}

/** In memory a session lives and dies with its replica, so its clients begin anew, and nobody knows what they missed. */
function drawLoad(load, shared, storeUp) {
  show('stores', !shared ? aloneText : storeUp ? sharedText : awayText)
  show('fills', shared ? movingText : stayingText)
  show('open', `${load.open} of ${load.wanted}`)
  show('came-back', shared ? load.moves : load.afresh)
  show('came-back-text', shared ? 'moved with their session' : 'began anew elsewhere')
  show('lost', shared ? load.lost : '?')
  show('lost-text', shared ? 'messages lost' : 'messages lost: nobody can tell')
  show('rate', Math.round(load.answeredPerSecond))
  show('p95', load.p95Ms === null ? '–' : `${load.p95Ms.toFixed(1)} ms`)
  draw('rate-line', load.answeredPerSecond)
  draw('p95-line', load.p95Ms)
}
const sharedText = 'Stores: Valkey. Rooms span replicas, and sessions move between them.'
const awayText = 'Stores: Valkey, which does not answer: rooms and sessions end at each replica until it is back.'
const stayingText =
  'Sockets stay where they are: a new replica fills with new ones, or with those of a replica that leaves. To move would cost a client its session.'
const movingText = 'A new replica fills with new sockets, and with those that fuller replicas ask to move.'
const aloneText =
  'Stores: memory. Each replica has rooms and sessions of its own: they end with it, and its clients begin anew. With valkey-server or redis-server installed, or npm start -- --valkey URL, they are shared.'

function drawScaler(scaler) {
  show('current', scaler.current ?? '–')
  show('desired', scaler.desired ?? '–')
  show('range', `${scaler.min} to ${scaler.max}`)
  show('pause', scaler.paused ? 'Let the scaler go on' : 'Pause the scaler')
  draw('current-line', scaler.current, scaler.max)
  draw('desired-line', scaler.desired, scaler.max)
  // Read out at most once a second.
  if (performance.now() - wordsShownAt <= 1000) return
  show('words', scaler.words)
  wordsShownAt = performance.now()
}

let seen = null
let wordsShownAt = Number.NEGATIVE_INFINITY
function drawAll(lab) {
  const { scaler, load } = lab
  show('time-scale', lab.timeScale === 1 ? 'real time' : `time compressed ${lab.timeScale}x for the scaler`)
  if (seen === null) {
    byId('target').value = scaler.targetConnections
    byId('load').value = load.wanted
    show('load-value', load.wanted)
  }
  drawLoad(load, lab.shared, lab.storeUp)
  drawScaler(scaler)
  drawReplicas(lab.replicas, scaler.targetConnections)
  drawEvents(lab.events)
  seen = lab
}

async function order(path, body) {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    show('trouble', answer.ok ? '' : (await answer.json()).error)
  } catch {
    show('trouble', 'The lab does not answer.')
  }
}

let sliding
function wantLoad(sockets) {
  byId('load').value = sockets
  show('load-value', sockets)
  clearTimeout(sliding)
  sliding = setTimeout(() => order('/api/load', { sockets: Number(sockets) }), 200)
}
byId('load').addEventListener('input', ({ target }) => wantLoad(target.value))
for (const sockets of [0, 200, 500, 1000, 2000, 5000]) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = sockets === 0 ? 'None' : sockets.toLocaleString('en')
  button.setAttribute('aria-label', sockets === 0 ? 'None: no sockets' : `${button.textContent} sockets`)
  button.addEventListener('click', () => wantLoad(sockets))
  byId('presets').append(button)
}
const setTarget = () => order('/api/target', { connections: byId('target').valueAsNumber })
byId('set-target').addEventListener('click', setTarget)
byId('target').addEventListener('keydown', ({ key }) => key === 'Enter' && setTarget())
byId('pause').addEventListener('click', () => order('/api/pause', { paused: !seen?.scaler.paused }))

// It tries again by itself.
const source = new EventSource('/api/events')
const away = 'The lab does not answer; trying again.'
source.onmessage = ({ data }) => {
  if (byId('trouble').textContent === away) show('trouble', '')
  drawAll(JSON.parse(data))
}
source.onerror = () => show('trouble', away)
