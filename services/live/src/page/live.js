// Runs the live page, which displays the state that the lab sends twice per second, and sends the user's commands to the lab.
import { bar, barTop, box, duration, guide, line, niceTop, spanMs, summary, whole, xOf, yOf } from './drawing.js'

const byId = (id) => document.getElementById(id)
const show = (id, text) => {
  const element = byId(id)
  if (element.textContent !== String(text)) element.textContent = text
}
const make = (name, text = '', of = {}) => Object.assign(document.createElement(name), { textContent: text, ...of })

/** Values that the server inserts into the page: the API paths, the supported commands, and the allowed ranges of their values. */
const [paths, orders, bounds] = ['paths', 'orders', 'bounds'].map((name) => JSON.parse(document.body.dataset[name]))
const can = (name) => orders.includes(name)

/** Sends a command. If the server refuses the command, the error is displayed beside the command's field or at the top of the page. */
async function order(name, body, errorId = 'trouble') {
  const refused = await fetch(paths[name], { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    .then(async (answer) => (answer.ok ? '' : (await answer.json()).error))
    .catch(() => 'The lab does not answer.')
  show(errorId, refused)
  return refused === ''
}

/* Draws the diagram of the lab: the Traefik endpoint, and a row for each replica. */

/** A replica's state is shown as a word, a shape and a colour, so that no reader has to rely on only one of them. */
const stateText = { starting: '○ starting', ready: '● ready', draining: '◆ draining', silent: '▲ not answering' }

function rowOf({ id }) {
  const row = make('li')
  row.dataset.id = id
  row.innerHTML =
    '<h3><b></b> <span></span></h3><div class="bar" role="meter" aria-valuemin="0"><i></i></div><p class="held"></p><p class="more"></p><div class="controls"></div>'
  row.querySelector('b').textContent = id
  row.querySelector('.bar').setAttribute('aria-label', `Sockets of ${id}`)
  for (const action of ['drain', 'kill'].filter(can)) {
    const button = make('button', action === 'drain' ? 'Drain' : 'Kill', { type: 'button' })
    button.setAttribute('aria-label', `${button.textContent} ${id}`)
    button.addEventListener('click', () => order(action, { id }))
    row.querySelector('.controls').append(button)
  }
  return row
}

function updateRow(row, replica, target, top) {
  const { within, above, over } = bar(replica.connections, target, top)
  row.dataset.state = replica.state
  row.querySelector('span').textContent = stateText[replica.state]
  row.style.setProperty('--within', `${within}%`)
  row.style.setProperty('--above', `${above}%`)
  const held = row.querySelector('.held')
  const excess = replica.state === 'draining' ? ' to leave' : over > 0 ? ` ▲ ${whole(over)} above` : ''
  held.replaceChildren(make('b', whole(replica.connections)), make('span', excess))
  held.classList.toggle('over', over > 0 && replica.state !== 'draining')
  const meter = row.querySelector('.bar')
  meter.setAttribute('aria-valuemax', top)
  meter.setAttribute('aria-valuenow', Math.min(replica.connections, top))
  meter.setAttribute('aria-valuetext', `${held.textContent}${target === null ? '' : `, target ${target}`}`)
  const { cpuPercent, memoryMiB, eventLoopPercent, messagesPerSecond, version, colour } = replica
  const known =
    replica.state === 'starting'
      ? []
      : [
          version !== null && `version ${version}`,
          colour,
          cpuPercent !== null && `CPU ${cpuPercent} %`,
          `memory ${memoryMiB} MiB`,
          `event loop ${eventLoopPercent} %`,
          messagesPerSecond !== null && `${whole(messagesPerSecond)} messages/s`,
        ]
  row.querySelector('.more').textContent = known.filter(Boolean).join(' · ')
  // A replica that is still starting accepts no commands.
  // A starting replica's buttons are disabled rather than hidden, because a hidden button would lose focus.
  for (const button of row.querySelectorAll('button')) {
    const off = replica.state === 'starting' || (replica.state === 'draining' && button.textContent === 'Drain')
    button.setAttribute('aria-disabled', String(off))
  }
}

function drawReplicas(replicas, scaler) {
  const list = byId('replicas')
  const target = scaler?.targetConnections ?? null
  const top = barTop(replicas, target)
  const { level, text } = summary(replicas, scaler)
  show('level', text)
  byId('level').dataset.level = level
  show('half', whole(top / 2))
  show('top', `${whole(top)} sockets`)
  show('target-flag', target === null ? '' : `target ${whole(target)}`)
  byId('picture').style.setProperty('--target', target === null ? '-10%' : `${(target / top) * 100}%`)
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]))
  for (const [id, row] of rows) if (!replicas.some((replica) => replica.id === id)) remove(row)
  for (const [i, replica] of replicas.entries()) {
    const row = rows.get(replica.id) ?? rowOf(replica)
    updateRow(row, replica, target, top)
    if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null)
  }
}

/**
 * Removes a row. If the focused button disappears, focus moves to the heading; otherwise, keyboard navigation would restart at the top of
 * the page.
 */
function remove(row) {
  const hadFocus = row.contains(document.activeElement)
  row.remove()
  if (!hadFocus) return
  byId('replicas-title').tabIndex = -1
  byId('replicas-title').focus()
}

/* Draws the charts of the last two minutes. */

const charts = [
  {
    title: 'Sockets',
    lines: [
      ['sockets', 'open sockets'],
      ['room', 'capacity: replicas × target'],
    ],
    stepped: true,
    label: whole,
  },
  {
    title: 'Replicas',
    lines: [
      ['running', 'running'],
      ['wanted', 'desired by the scaler'],
    ],
    stepped: true,
    label: whole,
  },
  { title: 'Replies per second', lines: [['rate', '']], label: whole },
  { title: 'Round-trip time, 95th percentile', lines: [['p95', '']], label: duration },
].map((chart) => {
  const figure = make('figure')
  const caption = make('figcaption', `${chart.title} `)
  const keys = chart.lines.map(([id, name]) => {
    const key = make('span', '', { className: name && `key ${id}` })
    key.append(make('b', '–', { id }), name && ` ${name}`)
    return key
  })
  caption.append(...keys)
  figure.append(caption)
  figure.insertAdjacentHTML(
    'beforeend',
    `<svg viewBox="0 0 ${box.width} ${box.height}" role="img"><g class="grid"></g><g class="labels"></g>${chart.lines
      .map(([id]) => `<path id="${id}-line" class="line ${id}"/>`)
      .join('')}</svg>`,
  )
  figure.querySelector('svg').setAttribute('aria-label', `${chart.title} over the last two minutes`)
  byId('charts').append(figure)
  return { ...chart, figure, series: chart.lines.map(() => []) }
})

function drawChart({ figure, lines, series, stepped, label }, values) {
  const now = Date.now()
  for (const [i, points] of series.entries()) {
    points.push({ atMs: now, value: values[i] })
    while (now - points[0].atMs > spanMs) points.shift()
    show(lines[i][0], values[i] === null ? '–' : label(values[i]))
  }
  const top = niceTop(Math.max(...series.flat().map(({ value }) => value ?? 0), 4))
  for (const [i, points] of series.entries()) byId(`${lines[i][0]}-line`).setAttribute('d', line(points, now, top, stepped === true))
  if (figure.dataset.top === String(top)) return
  figure.dataset.top = top
  const across = [0, top / 2, top].map((value) => [value, yOf(value, top)])
  const along = [2, 1, 0].map((minutes) => [minutes, xOf(-60_000 * minutes, 0)])
  figure.querySelector('.grid').innerHTML =
    across.map(([, y]) => `<path d="M${box.left},${y}H${box.right}"/>`).join('') +
    along.map(([, x]) => `<path d="M${x},${box.bottom}v4"/>`).join('')
  figure.querySelector('.labels').innerHTML =
    across.map(([value, y]) => `<text x="${box.left - 5}" y="${y + 4}" text-anchor="end">${label(value)}</text>`).join('') +
    along
      .map(
        ([m, x]) =>
          `<text x="${x}" y="${box.bottom + 18}" text-anchor="${m === 2 ? 'start' : m === 1 ? 'middle' : 'end'}">${m === 0 ? 'now' : `−${m} min`}</text>`,
      )
      .join('')
}

/* Texts. */

const storeText = {
  away: 'The shared store does not answer. Until it does, a room message reaches only one replica, and sessions cannot move.',
  shared:
    'The router gives each new socket to a ready replica. A replica that holds more than its share asks some clients to reconnect; their sessions move with them.',
  alone: 'Open sockets stay where they are. Replicas share no store, so a client that reconnects to another replica starts a new session.',
}

/** Shell commands that the page displays in place of the controls that this server does not support. */
const commands = [
  ['kill', 'kill a replica', './lab chaos kill'],
  ['drain', 'drain a replica', './lab chaos drain'],
  ['replicas', 'set the number of replicas', './lab scale 5'],
  ['pause', 'pause the scaler', './lab scaler pause'],
  ['pause', 'resume the scaler', './lab scaler resume'],
  ['rollOut', 'roll out a new version', './lab rollout --set LAB_VERSION=v2'],
  ['rollOut', 'roll out a version that fails', './lab rollout --set MAX_CONNECTIONS=0'],
  ['replicas', 'start the lab with a scaler', './lab up --k8s-sim'],
]
for (const [name, what, command] of commands) {
  if (can(name)) continue
  const item = make('li', `To ${what}: `)
  const copy = make('button', 'Copy', { type: 'button' })
  copy.setAttribute('aria-label', `Copy the command to ${what}`)
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(command)
    copy.textContent = 'Copied'
  })
  item.append(make('code', command), ' ', copy)
  byId('commands').append(item)
}

function drawEvents(events) {
  const list = byId('events')
  const newest = `${events.length} ${events.at(-1)?.time}`
  if (list.dataset.newest === newest) return
  list.dataset.newest = newest
  const lines = events.slice(-12).reverse()
  list.replaceChildren(...lines.map(({ time, text }) => make('li', `${new Date(time).toLocaleTimeString()}  ${text}`)))
}

let wordsShownAt = Number.NEGATIVE_INFINITY
function drawScaler(scaler) {
  show('current', scaler?.current ?? '–')
  show('desired', scaler?.desired ?? '–')
  show('range', scaler === null ? '–' : `${scaler.min} to ${scaler.max}`)
  show('scaler-note', scaler === null ? '' : `Target: ${scaler.targetConnections ?? 'no'} sockets per replica, from the scaler’s HPA file.`)
  show('pause', scaler?.paused ? 'Resume the scaler' : 'Pause the scaler')
  // Screen readers announce the text of the scaler's state, so this text changes at most once per second.
  if (performance.now() - wordsShownAt <= 1000) return
  show('words', scaler?.words ?? 'No scaler runs: the number of replicas stays as it is.')
  wordsShownAt = performance.now()
}

/** Shows the controls of the k6 run, but only while there is a run that can be changed. */
function drawK6(k6) {
  byId('k6-controls').hidden = k6 === null
  if (k6 === null) return show('k6-load-error', '')
  show('k6-figures', `k6 has ${whole(k6.open)} of ${whole(k6.wanted)} sockets open.`)
  if (k6.wanted !== seen?.k6?.wanted) byId('k6-load').value = k6.wanted
}

let seen = null
/**
 * The last known target, either from the latest state message or from a command that this page has sent since then. Another page may have
 * changed the target since this page received its last state message.
 */
let knownTarget
function drawAll(lab) {
  const { scaler, load, replicas, shared } = lab
  const { total, room } = summary(replicas, scaler)
  // The target field and the slider show each new value, even one set on another page.
  // The slider's position is not updated while the user is moving it.
  if (scaler?.targetConnections !== knownTarget) byId('target').value = scaler?.targetConnections ?? ''
  knownTarget = scaler?.targetConnections
  if (load.wanted !== seen?.load.wanted && sliding === undefined) setSlider(load.wanted)
  drawK6(lab.k6)
  seen = lab
  show('guide', guide(lab, can('kill')))
  byId('presets').classList.toggle('first', total === 0 && load.wanted === 0)
  show('open', `${whole(load.open)} of ${whole(load.wanted)}`)
  show('came-back', whole(shared ? load.moves : load.afresh))
  show('came-back-text', shared ? 'sessions moved' : 'sessions started anew')
  show('lost', shared ? whole(load.lost) : '–')
  show('lost-text', shared ? 'messages lost' : 'messages lost: not known without a shared store')
  show('fills', shared ? (lab.storeUp ? storeText.shared : storeText.away) : storeText.alone)
  drawScaler(scaler)
  show('rollout', lab.rollout ?? '')
  for (const button of byId('rollout-controls').children) button.setAttribute('aria-disabled', String(lab.rollout !== null))
  show('total', whole(lab.openThroughRouter))
  drawReplicas(replicas, scaler)
  const running = replicas.filter(({ state }) => state !== 'starting' && state !== 'draining').length
  const values = [
    [lab.openThroughRouter, room],
    [scaler?.current ?? running, scaler?.desired ?? null],
    [load.answeredPerSecond],
    [load.p95Ms],
  ]
  for (const [i, chart] of charts.entries()) drawChart(chart, values[i])
  drawEvents(lab.events)
  const where =
    lab.mode === 'embedded'
      ? 'Without Docker: replicas, router, scaler and load are processes of this machine'
      : 'Docker Compose: Traefik, Prometheus, and the replicas in containers'
  const time =
    lab.timeScale === 1
      ? 'the scaler runs in real time'
      : `the scaler’s periods and windows are ${lab.timeScale} times shorter than in a cluster`
  show('about', `${where}; ${time}.`)
  show('router', lab.mode === 'embedded' ? 'Router' : 'Traefik')
}

/* Controls. */

let sliding
function setSlider(sockets) {
  byId('load').value = sockets
  show('load-value', whole(sockets))
}
function wantLoad(sockets) {
  setSlider(sockets)
  clearTimeout(sliding)
  sliding = setTimeout(async () => {
    await order('load', { sockets }, 'load-error')
    // Until the command has taken effect, the state messages may still contain the old value.
    sliding = setTimeout(() => {
      sliding = undefined
      setSlider(seen.load.wanted)
    }, 1500)
  }, 200)
}
byId('entry').textContent = new URL(byId('entry').href).host
byId('load').max = bounds.sockets.max
byId('k6-load').max = bounds.k6Sockets.max
byId('load').addEventListener('input', ({ target }) => wantLoad(target.valueAsNumber))
for (const sockets of [0, 200, 500, 1000, 2000, 5000].filter((one) => one <= bounds.sockets.max)) {
  const button = make('button', sockets === 0 ? 'None' : `${whole(sockets)}${sockets === 500 ? ' sockets' : ''}`, { type: 'button' })
  button.setAttribute('aria-label', sockets === 0 ? 'None: no sockets' : `${whole(sockets)} sockets`)
  button.addEventListener('click', () => wantLoad(sockets))
  if (sockets === 500) button.className = 'first-step'
  byId('presets').append(button)
}

// The browser's own validation messages differ between languages, so the server checks the number.
byId('k6-controls').noValidate = true
byId('k6-controls').addEventListener('submit', (event) => {
  event.preventDefault()
  order('k6Load', { sockets: byId('k6-load').valueAsNumber }, 'k6-load-error')
})

async function setTarget() {
  const field = byId('target')
  const given = field.value
  const connections = field.valueAsNumber
  const done = await order('target', { connections }, 'target-error')
  if (done) knownTarget = connections
  if (done || seen?.scaler == null) return
  show(
    'target-error',
    `${given || 'Nothing'} is not allowed: a whole number from ${bounds.targetConnections.min} to ${whole(bounds.targetConnections.max)}. The target is still ${seen.scaler.targetConnections}.`,
  )
  field.value = seen.scaler.targetConnections
}
byId('set-target').addEventListener('click', setTarget)
byId('target').addEventListener('keydown', ({ key }) => key === 'Enter' && setTarget())
byId('pause').addEventListener('click', () => order('pause', { paused: !seen?.scaler?.paused }, 'target-error'))
for (const [id, fails] of [
  ['roll-out', false],
  ['roll-out-failing', true],
])
  byId(id).addEventListener('click', () => seen?.rollout === null && order('rollOut', { fails }))
byId('rollout-controls').hidden = !can('rollOut')
byId('scaler-controls').hidden = !can('target')
byId('scaler-note').hidden = can('target')

// The browser automatically reconnects an interrupted event stream.
const source = new EventSource(paths.events)
const away = 'The lab does not answer; trying again.'
source.onmessage = ({ data }) => {
  if (byId('trouble').textContent === away) show('trouble', '')
  drawAll(JSON.parse(data))
}
source.onerror = () => show('trouble', away)
