// Controls the screen, the page that is recorded: it shows one view at a time, what is done to the lab, and the chapter.
const byId = (id) => document.getElementById(id)
const noticeMs = 4_000

/** Selects the element that fills the screen. */
function choose(id) {
  for (const one of document.querySelectorAll('main > .shown')) one.classList.remove('shown')
  byId(id).classList.add('shown')
}

let hideNotice
window.screen = {
  /** Adds a page, scaled so that its text is large enough. */
  frame: (id, url, zoom) => {
    const frame = document.createElement('iframe')
    Object.assign(frame, { id, name: id, src: url, title: id })
    const { clientWidth, clientHeight } = document.querySelector('main')
    Object.assign(frame.style, { width: `${clientWidth / zoom}px`, height: `${clientHeight / zoom}px`, transform: `scale(${zoom})` })
    document.querySelector('main').prepend(frame)
  },
  show: choose,
  /** Shows a diagram, with some of its parts highlighted. */
  diagram: (svg, parts) => {
    byId('diagram').innerHTML = svg
    const drawing = byId('diagram').querySelector('svg')
    drawing.classList.toggle('chosen', parts.length > 0)
    for (const part of parts) drawing.getElementById(part)?.classList.add('on')
    choose('diagram')
  },
  terminal: (command, output) => {
    // Wide gaps between columns are narrowed, because the text is large.
    const lines = output.map((line) => line.trimEnd().replaceAll(/(?<=\S) {4,}/g, '   '))
    byId('command').textContent = command
    byId('output').replaceChildren(
      ...lines.map((text) => {
        const line = document.createElement('div')
        line.textContent = text.trimStart()
        return line
      }),
    )
    choose('terminal')
  },
  chapter: (number, count, title) => {
    byId('number').textContent = `${number} of ${count}`
    byId('chapter').textContent = title
    byId('steps').replaceChildren(
      ...Array.from({ length: count }, (_, index) => {
        const dot = document.createElement('i')
        dot.classList.toggle('on', index < number)
        return dot
      }),
    )
  },
  notice: (kind, text) => {
    clearTimeout(hideNotice)
    byId('notice').dataset.kind = kind
    byId('notice').textContent = text
    hideNotice = setTimeout(() => {
      byId('notice').textContent = ''
    }, noticeMs)
  },
  /** Shows a text card that covers the view; null hides it. A line that begins with `$ ` is a command. */
  card: (title, texts) => {
    byId('card').hidden = title === null
    byId('card-title').textContent = title
    byId('card-lines').replaceChildren(
      ...texts.map((text) => {
        const line = document.createElement(text.startsWith('$ ') ? 'code' : 'span')
        line.textContent = text
        return line
      }),
    )
  },
}
