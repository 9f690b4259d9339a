// Controls the page that is recorded: it shows the lab's pages side by side, the director's actions as text, and a clock.
const byId = (id) => document.getElementById(id)
const showTime = () => {
  byId('clock').textContent = `${new Date().toISOString().slice(11, 19)} UTC`
}
showTime()
setInterval(showTime, 200)

window.recording = {
  show: ({ live, client }) => {
    byId('live').src = live
    byId('client').src = client
  },
  scene: (name, title, timeScale) => {
    byId('pace').textContent = timeScale === 1 ? '' : `scaler's clock ×${timeScale}`
    byId('scene').textContent = `${name}: ${title}`
    byId('command').textContent = `./lab demo ${name}`
    byId('chapter').textContent = ''
  },
  chapter: (text) => {
    byId('chapter').textContent = text
  },
  lines: (kind, texts) => {
    for (const text of texts) {
      const line = document.createElement('li')
      line.dataset.kind = kind
      line.textContent = text
      byId('terminal').append(line)
    }
    // Terminal lines that extend above the terminal's upper edge are removed, so that only whole lines are visible.
    const { top } = byId('terminal').getBoundingClientRect()
    while (byId('terminal').firstChild?.getBoundingClientRect().top < top) byId('terminal').firstChild.remove()
  },
  card: (title, texts) => {
    byId('card').hidden = title === null
    byId('card-title').textContent = title
    byId('card-lines').replaceChildren(
      ...texts.map((text) => {
        const line = document.createElement('span')
        line.textContent = text
        return line
      }),
    )
  },
}
