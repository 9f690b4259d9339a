/** Checks all dashboards together: the links between them, their required panels, and consistent colours. */
import { grafana } from '@lab/contract/endpoints.ts'
import { allDashboards } from '@lab/grafana/dashboards/all.ts'
import { replicaColors } from '@lab/grafana/lib/colors.ts'
import { allPages } from '@lab/grafana/lib/pages.ts'
import { describe, expect, test } from 'vitest'
import { type DashboardPanel, dashboardFiles, logDashboardFiles, readDashboard } from './lib/expressions.ts'
import { read } from './lib/repo-files.ts'

const dashboards = [...dashboardFiles, ...logDashboardFiles].map(readDashboard)
const everyPanel = dashboards.flatMap(({ title: page, panels }) => panels.map((panel) => ({ page, panel })))

test('there is a dashboard for each page, in the order of the links', () => {
  expect(allDashboards().map(({ uid, title }) => ({ uid, title }))).toEqual(allPages.map(({ uid, title }) => ({ uid, title })))
  expect(dashboards.map(({ uid }) => uid).sort()).toEqual(allPages.map(({ uid }) => uid).sort())
})

test('published uids do not change', () => {
  expect(allPages.map(({ uid }) => uid)).toEqual(
    expect.arrayContaining(['websocket-lab', 'lab-users', 'lab-scaling', 'lab-replicas', 'lab-load-and-edge', 'lab-stores']),
  )
})

describe.each(dashboards)('the page $title', ({ tags, links, panels }) => {
  test('has one menu that links to all pages, with the time range and the selected replicas', () => {
    const menu = { type: 'dashboards', asDropdown: true, keepTime: true, includeVars: true, targetBlank: false }
    expect(links).toEqual([expect.objectContaining({ ...menu, tags })])
  })

  test('has the same queries as other pages for panels with the same title', () => {
    for (const panel of panels) {
      const same = everyPanel.filter((other) => other.panel.title === panel.title && other.panel.type !== 'row')
      const queries = new Set(same.map((other) => JSON.stringify([other.panel.targets, other.panel.fieldConfig])))
      expect(queries.size, panel.title).toBeLessThanOrEqual(1)
    }
  })
})

test('every page marks decisions, with a link to their explanation, rollouts and faults', () => {
  for (const { title, annotations } of dashboards) {
    const mark = (name: string) => annotations.list.find((one) => one.name === name)
    expect(mark('Decisions')?.textFormat, title).toContain('href="/d/lab-scaling"')
    expect(mark('Rollout or deploy'), title).toBeDefined()
    expect(mark('Fault'), title).toBeDefined()
  }
})

test('one page shows a day', () => {
  const ranges = dashboards.map(({ uid, time }) => [uid, time.from])
  expect(ranges.filter(([, from]) => from !== 'now-15m')).toEqual([['lab-day', 'now-24h']])
})

describe('the home page', () => {
  const home = readDashboard(`grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)

  test('is the home dashboard of Grafana', () => {
    const variable = 'GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'
    expect(read('compose.yaml')).toContain(`${variable}: /etc/grafana/provisioning/dashboards/${home.uid}.json`)
  })

  test('has the twelve required panels in four rows, and the state of the lab below them', () => {
    const shown = home.panels.filter(({ type, gridPos }) => type !== 'text' && type !== 'table' && gridPos.y > 0)
    expect(shown.map(({ type, title }) => (type === 'row' ? `# ${title}` : title))).toEqual([
      '# Connection Overview',
      'Active connections',
      'Connection rate',
      'Total connections over time',
      '# Message Throughput',
      'Messages received/s',
      'Messages sent/s',
      'Latency distribution',
      '# Scaling Events',
      'Replica count over time',
      'CPU utilisation',
      'Connection drops during scaling',
      '# System Health',
      'Replica status',
      'Resource usage',
      'Error rates',
      '# The lab itself',
      'Targets',
    ])
  })

  test('shows the lab on the first screen, and instructions at the end', () => {
    // A screen of 1600 x 1000 pixels shows about 22 grid rows below Grafana's own controls.
    const first = home.panels.filter(({ gridPos }) => gridPos.y + gridPos.h <= 22 && gridPos.h > 1)
    expect(first.length).toBeGreaterThanOrEqual(12)
    expect(first.filter(({ type }) => type === 'text')).toEqual([])
    expect(home.panels.at(-1)).toMatchObject({ type: 'text', gridPos: { x: 0 } })
    expect(home.panels.at(-1)?.options?.content).toContain('docker compose run --rm k6')
  })

  test('lists the alerts with their state first, and without a text in empty cells', () => {
    const alerts = home.panels.find(({ title }) => title === 'Alerts')
    expect(alerts?.transformations?.[0]?.options).toMatchObject({ indexByName: { alertname: 0, alertstate: 1, slo: 3, clock: 4 } })
    expect(alerts?.fieldConfig?.defaults).not.toHaveProperty('noValue')
  })
})

test('each of the twelve panels is also on the page of its topic', () => {
  const on = (uid: string) => dashboards.find((dashboard) => dashboard.uid === uid)?.panels.map(({ title }) => title) ?? []
  expect(on('lab-users')).toEqual(
    expect.arrayContaining([
      ...['Active connections', 'Connection rate', 'Total connections over time'],
      ...['Messages received/s', 'Messages sent/s', 'Latency distribution', 'Error rates'],
    ]),
  )
  expect(on('lab-scaling')).toEqual(
    expect.arrayContaining(['Replica count over time', 'CPU utilisation', 'Connection drops during scaling']),
  )
  expect(on('lab-replicas')).toEqual(expect.arrayContaining(['Replica status', 'Resource usage', 'CPU utilisation']))
})

describe('colours', () => {
  test('of annotations differ from each other', () => {
    for (const { annotations, title } of dashboards) {
      const colors = annotations.list.filter(({ expr }) => expr !== undefined).map(({ iconColor }) => iconColor)
      expect(colors, title).toEqual([...new Set(colors)])
    }
  })

  test('of replicas are all different, and mean nothing else', () => {
    const others = everyPanel.flatMap(({ panel }) => colorsByName(panel).map(({ color }) => color))
    expect(new Set(replicaColors).size).toBe(10)
    expect(replicaColors.filter((color) => others.includes(color))).toEqual([])
  })

  test('of a series name are the same in every panel', () => {
    const byName = Map.groupBy(
      everyPanel.flatMap(({ panel }) => colorsByName(panel)),
      ({ name }) => name,
    )
    const several = [...byName].flatMap(([name, found]) => {
      const colors = [...new Set(found.map(({ color }) => color))]
      return colors.length > 1 ? [`${name}: ${colors.join(', ')}`] : []
    })
    expect(several).toEqual([])
  })

  test('of each state of a replica are the same in the state timeline and in the count', () => {
    const find = (title: string) => everyPanel.find(({ panel }) => panel.title === title)?.panel
    const mapped = Object.values(find('Replica status')?.fieldConfig?.defaults.mappings?.[0]?.options ?? {}) as {
      text: string
      color: string
    }[]
    expect(mapped).toHaveLength(5)
    const count = find('Replica count over time')
    const drawn = new Map(count === undefined ? [] : colorsByName(count).map(({ name, color }) => [name, color]))
    for (const { text, color } of mapped.filter(({ text }) => text !== 'no answer')) expect(drawn.get(text)).toBe(color)
  })
})

/** Returns the fixed series colours in a panel, by series name. */
function colorsByName({ fieldConfig }: DashboardPanel): { name: string; color: string }[] {
  return (fieldConfig?.overrides ?? []).flatMap(({ matcher, properties }) => {
    const color = properties.find(({ id }) => id === 'color')?.value as { fixedColor: string } | undefined
    return matcher.id === 'byName' && color ? [{ name: matcher.options, color: color.fixedColor }] : []
  })
}
