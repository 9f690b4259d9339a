/** Checks the workshop pages: a common structure, at most 98 minutes in total, commands that exist, and valid settings files. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { deploymentFields } from '@lab/cli/workshop/beyond.ts'
import { commandsOf } from '@lab/cli/workshop/commands.ts'
import { questions, readingMinutes } from '@lab/cli/workshop/questions.ts'
import { settingsOf } from '@lab/cli/workshop/scaling.ts'
import { type Step, steps, stepsOn } from '@lab/cli/workshop/steps.ts'
import { grafana } from '@lab/contract/endpoints.ts'
import { describe, expect, test } from 'vitest'
import { labCommandsIn, labProblems } from './lib/lab-commands.ts'
import { parsePromql } from './lib/promql.ts'
import { read, repoFiles, root } from './lib/repo-files.ts'

const settingsFiles = repoFiles((path) => path.startsWith('workshop/settings/'))
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const variable = /\$\{(\w+):?-/g
const checkLine = ({ number }: Step) => `./lab workshop check ${number}`

/** Returns a page's `sh` code blocks, in order. */
const blocksOf = (page: string) => [...read(page).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands)

test('there is exactly one page per step', () => {
  expect(repoFiles((path) => /^workshop\/[^/]*\.md$/.test(path))).toEqual([
    ...steps.map(({ page }) => page),
    'workshop/README.md',
    'workshop/short.md',
    'workshop/without-docker.md',
  ])
})

describe.each(steps)('$page', (step) => {
  const text = read(step.page)

  test('has the title and the minutes of the list, and a goal', () => {
    expect(text.startsWith(`# ${step.number}. ${step.title}\n`)).toBe(true)
    expect(text).toMatch(/^\*\*Goal:\*\* \S/m)
    expect(text).toMatch(new RegExp(`^\\*\\*Minutes:\\*\\* ${step.minutes}$`, 'm'))
  })

  test('has instructions, expected results, a question with a folded answer, and the check, in this order', () => {
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual(['Do', 'What you should see', 'Question', 'Check'])
    const [, question = ''] = /^## Question\n([\s\S]*?)^## Check/m.exec(text) ?? []
    expect(question).toMatch(/\?\n[\s\S]*<details>\n<summary>Answer<\/summary>\n\n[\s\S]{40,}<\/details>/)
    expect(text.match(/^- /gm)?.length).toBeGreaterThanOrEqual(2)
  })

  test('has the check as its last command', () => {
    const blocks = blocksOf(step.page)
    expect(blocks.length).toBeGreaterThan(1)
    expect(blocks.at(-1)).toBe(`${checkLine(step)}\n`)
  })

  test('uses existing commands, files and variables', () => {
    expect(blocksOf(step.page).flatMap(problemsOf)).toEqual([])
  })

  test('contains only valid PromQL', () => {
    const queries = [...text.matchAll(/'query=([^']*)'/g)].map(([, query = '']) => query)
    expect(queries.flatMap((query) => parsePromql(query).errors)).toEqual([])
  })
})

describe('a page and its check', () => {
  test('step 3: use the same query, over the default time range of the dashboards', () => {
    expect(read('workshop/03-reading-the-panels.md')).toContain(`'query=${questions.peakSockets.query}'`)
    const { time } = JSON.parse(read(`grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)) as { time: { from: string } }
    expect(time.from).toBe(`now-${readingMinutes}m`)
  })

  test('step 11: use the same copy of the record', () => {
    const replays = blocksOf('workshop/11-tuning-by-replay.md').flatMap((block) => block.match(/replay .*/g) ?? [])
    expect(replays.length).toBeGreaterThan(1)
    for (const line of replays) expect(line).toContain('replay --from workshop/my/record.jsonl --hpa scaler/hpa.yaml')
    expect(blocksOf('workshop/11-tuning-by-replay.md')[0]).toBe(`${commandsOf('compose').record}\n`)
  })
})

describe('workshop/README.md', () => {
  const text = read('workshop/README.md')

  test('lists every page with its minutes, which fit into 98', () => {
    const rows = steps.map(({ number, minutes, title, page }) => `| ${number} | ${minutes} | [${title}](${page.split('/').at(-1)}) |`)
    expect(text).toContain(rows.join('\n'))
    expect(steps.reduce((sum, { minutes }) => sum + minutes, 0)).toBeLessThanOrEqual(98)
  })

  test('explains exactly the variables that the pages use', () => {
    const used = steps.flatMap(({ page }) => [...read(page).matchAll(variable)].map(([, name = '']) => name))
    const explained = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    expect([...new Set(used)].sort()).toEqual(explained.filter((name) => name !== 'SCALER_TIME_SCALE').sort())
  })
})

describe('workshop/short.md', () => {
  const tables = read('workshop/short.md')
    .split(/^\| Time .*$/m)
    .slice(1)
  const rowsOf = (table: string) =>
    [...table.matchAll(/^\| (\d):(\d\d) – (\d):(\d\d) \| (\d+) \| (\d+) \| \[(.*?)\]\((.*?)\) \|$/gm)].map((found) => {
      const [, fromHour, fromMinute, toHour, toMinute, number, minutes] = found.map(Number)
      const at = (hour = 0, minute = 0) => hour * 60 + minute
      return { from: at(fromHour, fromMinute), to: at(toHour, toMinute), number, minutes, title: found[7], page: `workshop/${found[8]}` }
    })

  test('has a table for each kind of lab', () => {
    expect(tables.map((table) => rowsOf(table).length)).toEqual([4, 4])
  })

  test.each(['compose', 'embedded'] as const)('on %s: the steps exist, are in order, and fit into 30 minutes without a gap', (kind) => {
    const rows = rowsOf(tables[kind === 'compose' ? 0 : 1] ?? '')
    const possible = stepsOn(kind).map(({ number, title, minutes, page }) => ({ number, title, minutes, page }))
    for (const { from: _, to: __, ...row } of rows) expect(possible).toContainEqual(row)
    const numbers = rows.map(({ number = 0 }) => number)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    // Steps 1 and 4 start the services that the other steps need, and record the surge.
    expect(numbers).toEqual(expect.arrayContaining([1, 4]))
    const ends = rows.map((_, i) => rows.slice(0, i + 1).reduce((sum, { minutes = 0 }) => sum + minutes, 0))
    expect(rows.map(({ from, to }) => [from, to])).toEqual(ends.map((end, i) => [end - (rows[i]?.minutes ?? 0), end]))
    expect(ends.at(-1)).toBeLessThanOrEqual(30)
  })
})

describe('the finished settings', () => {
  test.each(settingsFiles.filter((path) => !path.endsWith('/deployment.yaml')))('%s is accepted by the scaler', (path) => {
    expect(settingsOf(read(path), path)).toMatchObject({ ok: true })
  })

  test('the Deployment has the values of docs/kubernetes-mapping.md', () => {
    const page = read('docs/kubernetes-mapping.md')
    for (const { value } of deploymentFields) expect(page).toContain(String(value))
  })
})

test('the check of commands finds unknown commands, options and files', () => {
  expect(problemsOf('./lab fly\n')).toEqual(['no command: ./lab fly'])
  expect(problemsOf('./lab load 1 --hastily\n')).toEqual(['no option --hastily: ./lab load 1 --hastily'])
  expect(problemsOf('npm run nothing\n')).toEqual(['no script: npm run nothing'])
  expect(problemsOf('cp workshop/settings/none.yaml workshop/my/hpa.yaml\n')).toEqual([
    'no file: cp workshop/settings/none.yaml workshop/my/hpa.yaml',
  ])
  expect(problemsOf('./lab scaler look\n')).toEqual(['no command: ./lab scaler look'])
  expect(problemsOf('SCALER_TIME_SCALE=5 ./lab scaler explain --first 2\n')).toEqual([
    'no option --first: SCALER_TIME_SCALE=5 ./lab scaler explain --first 2',
  ])
})

/** Returns error messages about invalid commands in a code block; the contents of here-documents are not checked. */
function problemsOf(block: string): string[] {
  const lines = block.replaceAll(/<<'(\w+)'\n[\s\S]*?^\1$/gm, '').split('\n')
  return lines.flatMap((line) => {
    const words = line.trim().split(/\s+/)
    const problems = labCommandsIn(line).flatMap((typed) => labProblems(typed))
    if (problems.length > 0) return problems.map((problem) => `${problem}: ${line}`)
    if (words[0] === 'npm' && words[1] === 'run' && !((words[2] ?? '') in manifest.scripts)) return [`no script: ${line}`]
    if (words[0] === 'cp' && !existsSync(join(root, words[1] ?? ''))) return [`no file: ${line}`]
    return []
  })
}
