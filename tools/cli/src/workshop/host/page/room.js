// Runs the instructor's page, which polls the progress of all labs, and shows it by step and by lab.

const [paths, steps] = ['paths', 'steps'].map((name) => JSON.parse(document.body.dataset[name]))
const pollMs = 2000
const answerWithinMs = 5000

const byId = (id) => document.getElementById(id)
const show = (element, text) => {
  if (element.textContent !== String(text)) element.textContent = text
}
const make = (name, className = '') => Object.assign(document.createElement(name), { className })

const isDone = ({ met, of }) => met === of
const doneOf = (lab) => lab.steps.filter(isDone).length
const stateOf = (lab) => (lab.stale ? 'silent' : lab.kind === null ? 'stopped' : 'reporting')

/** Formats an age: seconds below two minutes, and minutes above. */
const age = (seconds) => (seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`)

function words(lab) {
  const done = `${doneOf(lab)} of ${lab.steps.length || steps.length} steps done`
  if (lab.stale) return `▲ silent for ${age(lab.ageSeconds)} · ${done}`
  if (lab.kind === null) return `▲ no running lab · ${done}`
  return lab.kind === 'embedded' ? `${done} · without Docker` : done
}

function cellOf(found, isKnown) {
  if (found === undefined)
    return isKnown ? { state: 'impossible', text: '–', said: 'not possible without Docker' } : { state: 'open', said: 'unknown' }
  if (isDone(found)) return { state: 'done', text: '✓', said: 'done' }
  if (found.met > 0) return { state: 'part', text: `${found.met}/${found.of}`, said: `${found.met} of ${found.of} criteria are met` }
  return { state: 'open', said: 'not begun' }
}

function rowOf(name) {
  const row = make('li')
  row.dataset.name = name
  row.append(make('h3'), make('ol', 'cells'), make('p', 'missing'))
  row.querySelector('h3').append(make('b'), make('span'))
  const cells = row.querySelector('.cells')
  cells.style.setProperty('--count', steps.length)
  cells.setAttribute('aria-label', `Steps of ${name}`)
  for (const { number } of steps) {
    const cell = make('li')
    const text = make('span')
    text.setAttribute('aria-hidden', 'true')
    cell.append(text, make('span', 'visually-hidden'))
    cell.dataset.step = number
    cells.append(cell)
  }
  return row
}

function updateRow(row, lab) {
  row.dataset.state = stateOf(lab)
  show(row.querySelector('h3 b'), lab.name)
  show(row.querySelector('h3 span'), words(lab))
  for (const [i, { number, title }] of steps.entries()) {
    const cell = row.querySelectorAll('.cells li')[i]
    const {
      state,
      text = number,
      said,
    } = cellOf(
      lab.steps.find(({ step }) => step === number),
      lab.steps.length > 0,
    )
    cell.dataset.state = state
    cell.title = `${number}. ${title}: ${said}`
    show(cell.firstChild, text)
    show(cell.lastChild, `Step ${number}, ${title}: ${said}`)
  }
  const missing = row.querySelector('.missing')
  show(missing, lab.missing === '' ? '' : lab.kind === null ? lab.missing : `Missing: ${lab.missing}`)
  missing.hidden = lab.missing === ''
}

function drawLabs(labs) {
  const list = byId('list')
  const sorted = byProgress() ? [...labs].sort((a, b) => doneOf(a) - doneOf(b)) : labs
  const rows = new Map([...list.children].map((row) => [row.dataset.name, row]))
  for (const [name, row] of rows) if (!labs.some((lab) => lab.name === name)) row.remove()
  for (const [i, lab] of sorted.entries()) {
    const row = rows.get(lab.name) ?? rowOf(lab.name)
    updateRow(row, lab)
    if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null)
  }
  byId('empty').hidden = labs.length > 0
}

function drawRoom(labs) {
  show(byId('labs'), labs.length)
  show(byId('labs-text'), labs.length === 1 ? 'lab' : 'labs')
  show(byId('silent'), labs.filter((lab) => stateOf(lab) === 'silent').length)
  show(byId('stopped'), labs.filter((lab) => stateOf(lab) === 'stopped').length)
  const done = labs.map(doneOf).sort((a, b) => a - b)
  show(byId('median'), done[Math.floor((done.length - 1) / 2)] ?? '–')
  for (const [i, { number }] of steps.entries()) {
    const item = byId('steps').children[i]
    const possible = labs.filter((lab) => lab.steps.length === 0 || lab.steps.some(({ step }) => step === number))
    const count = labs.filter((lab) => lab.steps.some((one) => one.step === number && isDone(one))).length
    show(item.querySelector('b'), `${count} of ${possible.length}`)
    item.style.setProperty('--share', `${possible.length === 0 ? 0 : (count / possible.length) * 100}%`)
  }
}

for (const { number, title } of steps) {
  const item = make('li')
  const name = make('span')
  name.textContent = `${number}. ${title}`
  const bar = make('span', 'bar')
  bar.setAttribute('aria-hidden', 'true')
  item.append(name, make('b'), bar)
  byId('steps').append(item)
}

show(byId('join'), `./lab workshop join ${document.body.dataset.join} NAME`)

let last = []
const byProgress = () => byId('by-progress').getAttribute('aria-pressed') === 'true'
for (const id of ['by-name', 'by-progress']) {
  byId(id).addEventListener('click', () => {
    for (const other of ['by-name', 'by-progress']) byId(other).setAttribute('aria-pressed', String(other === id))
    drawLabs(last)
  })
}

async function poll() {
  try {
    const answer = await fetch(paths.labs, { signal: AbortSignal.timeout(answerWithinMs) })
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    last = await answer.json()
    drawRoom(last)
    drawLabs(last)
    show(byId('trouble'), '')
  } catch {
    show(byId('trouble'), 'The server of this page does not answer; trying again.')
  }
  setTimeout(poll, pollMs)
}
poll()
