// What the recorder films: the lab's pages side by side, what the director does as text, and the time of day.
const byId = (id) => document.getElementById(id)
const tell = () => {
  byId('clock').textContent = `${new Date().toISOString().slice(11, 19)} UTC`
}
tell()
setInterval(tell, 200)

window.stage = {
  show: ({ live, client }) => {
    byId('live').src = live
    byId('client').src = client
  },
  scene: (name, title, timeScale) => {
    byId('pace').textContent = timeScale === 1 ? '' : `scaler's clock ×${timeScale}`
    byId('scene').textContent = `${name}: ${title}`
    byId('command').textContent = `npm run demo -- ${name}`
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
    // Whole lines only.
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
