/** Writes the table of measured figures into docs/deploys.md, the rest of which is written by hand. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const page = 'docs/deploys.md'
/** The figures from one run of tests/stack/22-rollout.test.ts and tests/stack/23-deploy.test.ts, copied from reports/. */
const measured = 'docs/sample/deploys.json'
const begin = '<!-- figures: written by `npm run generate` from docs/sample/deploys.json -->'
const end = '<!-- end of figures -->'

interface Figures {
  /** The date of the run, in ISO 8601 format. */
  readonly measuredOn: string
  readonly sockets: number
  readonly replicas: number
  readonly messages: number
  readonly deliveries: number
  readonly findings: number
  readonly movesPerSocket: number
  readonly mostReturnsPerSecond: number
  readonly secondsPerReplica: number
  readonly rollbackSeconds: number
  readonly deploySwitchSeconds: number
  readonly deployMovesPerSocket: number
  readonly deployReturnSeconds: number
  readonly deployRollbackSeconds: number
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

function table(figures: Figures): string {
  const seconds = (value: number) => `${value.toFixed(1)} s`
  const rows = [
    ['rollout: sockets in rooms, and replicas', `${figures.sockets}, ${figures.replicas}`],
    ['rollout: messages sent, and deliveries expected', `${figures.messages}, ${figures.deliveries}`],
    ['rollout: messages lost, duplicated or reordered', figures.findings],
    ['rollout: moves per socket', figures.movesPerSocket.toFixed(2)],
    ['rollout: maximum number of reconnects within one second', figures.mostReturnsPerSecond],
    ['rollout: time per replica', seconds(figures.secondsPerReplica)],
    ['rollout: time until a version that exits immediately is rolled back', seconds(figures.rollbackSeconds)],
    [
      'deploy: time that `deploy switch` takes to finish a deploy that was killed during the drain, with 60 sockets and 3 replicas',
      seconds(figures.deploySwitchSeconds),
    ],
    ['deploy: moves per socket', figures.deployMovesPerSocket.toFixed(2)],
    ['deploy: time until a version that exits immediately is rolled back', seconds(figures.deployRollbackSeconds)],
    ['deploy: time from `deploy rollback` until the retained colour serves new sockets', seconds(figures.deployReturnSeconds)],
  ]
  return [`| measured on ${figures.measuredOn} | |`, '| --- | ---: |', ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join('\n')
}

/** Returns the page, including the table. @throws Error if the page has no markers for the table */
export function deploysPage(): string {
  const text = read(page)
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`${page} has no place for the figures: ${begin} … ${end}`)
  return `${text.slice(0, from)}${begin}\n\n${table(JSON.parse(read(measured)) as Figures)}\n\n${text.slice(to)}`
}
