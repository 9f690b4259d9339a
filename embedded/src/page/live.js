// The live page: draws what the lab tells twice a second, and sends what the buttons ask for.
const byId = (id) => document.getElementById(id)
const show = (id, text) => {
  const element = byId(id)
  if (element.textContent !== String(text)) element.textContent = text
}

/** Two minutes of points. */
const points = 240
const lines = { 'rate-line': [], 'p95-line': [] }
let seen = null
let wordsShownAt = 0

function draw(id, value) {
  const values = lines[id]
  values.push(value ?? 0)
  if (values.length > points) values.shift()
  const highest = Math.max(...values, 1)
  const path = values.map((v, i) => `${i === 0 ? 'M' : 'L'}${(i * 240) / (points - 1)},${46 - (v / highest) * 44}`).join('')
  const svg = byId(id)
  svg.firstChild ?? svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'))
  svg.firstChild.setAttribute('d', path)
}

const stateText = { ready: '● ready', draining: '◆ draining', silent: '▲ not answering' }

function card(replica, fullest) {
  const item = document.createElement('li')
  item.dataset.id = replica.id
  item.innerHTML = '<h3><b></b><span></span></h3><progress></progress><p></p><p></p><div class="controls"></div>'
  for (const action of ['drain', 'kill']) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = action === 'drain' ? 'Drain' : 'Kill'
    button.setAttribute('aria-label', `${button.textContent} ${replica.id}`)
    button.addEventListener('click', () => order(`/api/${action}`, { id: replica.id }))
    item.querySelector('.controls').append(button)
  }
  item.querySelector('b').textContent = replica.id
  item.querySelector('progress').setAttribute('aria-label', `Connections of ${replica.id}`)
  update(item, replica, fullest)
  return item
}

function update(item, replica, fullest) {
  item.dataset.state = replica.state
  item.querySelector('span').textContent = stateText[replica.state]
  const bar = item.querySelector('progress')
  bar.max = fullest
  bar.value = replica.connections
  const [first, second] = item.querySelectorAll('p')
  const leaving = replica.state === 'draining' ? `, ${replica.drainLeft} to leave` : ''
  first.textContent = `${replica.connections} connections${leaving}`
  second.textContent = `${replica.messagesPerSecond ?? '–'} msg/s · CPU ${replica.cpuPercent ?? '–'} % · ${replica.memoryMiB} MiB · loop ${replica.eventLoopPercent} %`
}

function drawReplicas(replicas, target) {
  const list = byId('replicas')
  const fullest = Math.max(target ?? 0, ...replicas.map(({ connections }) => connections), 1)
  for (const item of [...list.children]) if (!replicas.some(({ id }) => id === item.dataset.id)) item.remove()
  for (const replica of replicas) {
    const item = [...list.children].find(({ dataset }) => dataset.id === replica.id)
    if (item) update(item, replica, fullest)
    else list.append(card(replica, fullest))
  }
}

function drawEvents(events) {
  const newest = events.at(-1)?.time
  if (byId('events').dataset.newest === String(newest)) return
  byId('events').dataset.newest = newest
  byId('events').replaceChildren(
    ...events
      .slice(-12)
      .reverse()
      .map(({ time, text }) => {
        const line = document.createElement('li')
        line.textContent = `${new Date(time).toLocaleTimeString()} ${text}`
        return line
      }),
  )
}

function drawAll(lab) {
  const { scaler, load } = lab
  show('time-scale', lab.timeScale === 1 ? 'real time' : `time compressed ${lab.timeScale}x for the scaler`)
  show('current', scaler.current ?? '–')
  show('desired', scaler.desired ?? '–')
  show('range', `${scaler.min} to ${scaler.max}`)
  // Read out at most once a second.
  if (performance.now() - wordsShownAt > 1000) {
    show('words', scaler.words)
    wordsShownAt = performance.now()
  }
  byId('pause').setAttribute('aria-pressed', String(scaler.paused))
  show('pause', scaler.paused ? 'Let the scaler go on' : 'Pause the scaler')
  if (seen === null) {
    byId('target').value = scaler.targetConnections
    byId('load').value = load.wanted
    show('load-value', load.wanted)
  }
  show('open', `${load.open} of ${load.wanted}`)
  show('moves', load.moves)
  show('lost', load.lost)
  show('rate', Math.round(load.answeredPerSecond))
  show('p95', load.p95Ms === null ? '–' : `${load.p95Ms.toFixed(1)} ms`)
  draw('rate-line', load.answeredPerSecond)
  draw('p95-line', load.p95Ms)
  drawReplicas(lab.replicas, scaler.targetConnections)
  drawEvents(lab.events)
  seen = lab
}

async function order(path, body) {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!answer.ok) show('words', (await answer.json()).error)
  } catch {
    show('words', 'The lab does not answer.')
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
for (const sockets of [0, 200, 500, 1000, 2000]) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = sockets === 0 ? 'None' : String(sockets)
  button.setAttribute('aria-label', sockets === 0 ? 'No sockets' : `${sockets} sockets`)
  button.addEventListener('click', () => wantLoad(sockets))
  byId('presets').append(button)
}
byId('set-target').addEventListener('click', () => order('/api/target', { connections: Number(byId('target').value) }))
byId('pause').addEventListener('click', () => order('/api/pause', { paused: !seen?.scaler.paused }))

const source = new EventSource('/api/events')
source.onmessage = ({ data }) => drawAll(JSON.parse(data))
source.onerror = () => show('words', 'The lab does not answer; trying again.')
