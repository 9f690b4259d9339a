/** The workshop's pages: all of the same form, within 90 minutes, with commands that exist, and finished files that are right. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { grafana } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../cli/src/program.ts'
import { deploymentFields } from '../../cli/src/workshop/beyond.ts'
import { questions, readingMinutes } from '../../cli/src/workshop/questions.ts'
import { putAside } from '../../cli/src/workshop/record.ts'
import { settingsOf } from '../../cli/src/workshop/scaling.ts'
import { type Step, steps } from '../../cli/src/workshop/steps.ts'
import { parsePromql } from './lib/promql.ts'
import { read, repoFiles, root } from './lib/repo-files.ts'

const settingsFiles = repoFiles((path) => path.startsWith('workshop/settings/'))
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const scalerCommands = ['get', 'describe', 'explain', 'run', 'pause', 'resume', 'replay']
const variable = /\$\{(\w+):?-/g
const checkLine = ({ number }: Step) => `npx lab workshop check ${number}`

/** Blocks marked `sh`, in their order. */
const blocksOf = (page: string) => [...read(page).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands)

test('each step has its page, and there is no other', () => {
  expect(repoFiles((path) => /^workshop\/[^/]*\.md$/.test(path))).toEqual([...steps.map(({ page }) => page), 'workshop/README.md'])
})

describe.each(steps)('$page', (step) => {
  const text = read(step.page)

  test('has its title, a goal, and as many minutes as the list says', () => {
    expect(text.startsWith(`# ${step.number}. ${step.title}\n`)).toBe(true)
    expect(text).toMatch(/^\*\*Goal:\*\* \S/m)
    expect(text).toMatch(new RegExp(`^\\*\\*Minutes:\\*\\* ${step.minutes}$`, 'm'))
  })

  test('has what to do, what to see, a question with a folded answer, and the check, in this order', () => {
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual(['Do', 'What you should see', 'Question', 'Check'])
    const [, question = ''] = /^## Question\n([\s\S]*?)^## Check/m.exec(text) ?? []
    expect(question).toMatch(/\?\n[\s\S]*<details>\n<summary>Answer<\/summary>\n\n[\s\S]{40,}<\/details>/)
    expect(text.match(/^- /gm)?.length).toBeGreaterThanOrEqual(2)
  })

  test('ends its commands with the check', () => {
    const blocks = blocksOf(step.page)
    expect(blocks.length).toBeGreaterThan(1)
    expect(blocks.at(-1)).toBe(`${checkLine(step)}\n`)
  })

  test('names commands, files and variables that exist', () => {
    expect(blocksOf(step.page).flatMap(problemsOf)).toEqual([])
  })

  test('asks Prometheus in PromQL, if it does', () => {
    const asked = [...text.matchAll(/'query=([^']*)'/g)].map(([, query = '']) => query)
    expect(asked.flatMap((query) => parsePromql(query).errors)).toEqual([])
  })
})

describe('a page asks what its check asks', () => {
  test('step 3: the highest number of sockets, over as long as the dashboards show when they are opened', () => {
    expect(read('workshop/03-reading-the-panels.md')).toContain(`'query=${questions.peakSockets.query}'`)
    const { time } = JSON.parse(read(`grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)) as { time: { from: string } }
    expect(time.from).toBe(`now-${readingMinutes}m`)
  })

  test('step 11: the load that was put aside', () => {
    const replays = blocksOf('workshop/11-tuning-by-replay.md').flatMap((block) => block.match(/replay .*/g) ?? [])
    expect(replays.length).toBeGreaterThan(1)
    for (const line of replays) expect(line).toContain('replay --from workshop/my/record.jsonl --hpa scaler/hpa.yaml')
    expect(blocksOf('workshop/11-tuning-by-replay.md')[0]).toBe(`${putAside}\n`)
  })
})

describe('workshop/README.md', () => {
  const text = read('workshop/README.md')

  test('lists every page with its minutes, which fit into 90', () => {
    const rows = steps.map(({ number, minutes, title, page }) => `| ${number} | ${minutes} | [${title}](${page.split('/').at(-1)}) |`)
    expect(text).toContain(rows.join('\n'))
    expect(steps.reduce((sum, { minutes }) => sum + minutes, 0)).toBeLessThanOrEqual(90)
  })

  test('explains every variable that pages use, and no other', () => {
    const used = steps.flatMap(({ page }) => [...read(page).matchAll(variable)].map(([, name = '']) => name))
    const explained = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    const ports = ['LAB_PORT', 'PROMETHEUS_PORT']
    expect([...new Set(used)].filter((name) => !ports.includes(name)).sort()).toEqual(
      explained.filter((name) => name !== 'SCALER_TIME_SCALE').sort(),
    )
  })
})

describe('finished files', () => {
  test.each(settingsFiles.filter((path) => !path.endsWith('/deployment.yaml')))('%s is taken by the scaler', (path) => {
    expect(settingsOf(read(path), path)).not.toHaveProperty('problem')
  })

  test('the Deployment is that of docs/kubernetes-mapping.md', () => {
    const page = read('docs/kubernetes-mapping.md')
    for (const { value } of deploymentFields) expect(page).toContain(String(value))
  })
})

test('the check of commands finds what does not exist', () => {
  expect(problemsOf('npx lab fly\n')).toEqual(['no command: npx lab fly'])
  expect(problemsOf('npx lab load 1 --hastily\n')).toEqual(['no option --hastily: npx lab load 1 --hastily'])
  expect(problemsOf('npm run nothing\n')).toEqual(['no script: npm run nothing'])
  expect(problemsOf('cp workshop/settings/none.yaml workshop/my/hpa.yaml\n')).toEqual([
    'no file: cp workshop/settings/none.yaml workshop/my/hpa.yaml',
  ])
  expect(problemsOf('npm run --silent scaler -- watch\n')).toEqual(['no command: npm run --silent scaler -- watch'])
})

/** What is wrong with a block's commands; those of a here-document are not looked at. */
function problemsOf(block: string): string[] {
  const lines = block.replaceAll(/<<'(\w+)'\n[\s\S]*?^\1$/gm, '').split('\n')
  return lines.flatMap((line) => {
    const words = line.trim().split(/\s+/)
    const lab = words.indexOf('lab')
    if (words[lab - 1] === 'npx') return labProblems(words.slice(lab + 1)).map((problem) => `${problem}: ${line}`)
    if (words[0] === 'npm' && words[1] === 'run') return scriptProblems(words.slice(2)).map((problem) => `${problem}: ${line}`)
    if (words[0] === 'cp' && !existsSync(join(root, words[1] ?? ''))) return [`no file: ${line}`]
    return []
  })
}

function labProblems(words: readonly string[]): string[] {
  let command: Command = createProgram()
  for (const word of words) {
    const found = command.commands.find((one) => one.name() === word)
    if (found) command = found
    else break
  }
  if (command.parent === null) return ['no command']
  const known = command.options.map(({ long }) => long)
  return words.filter((word) => word.startsWith('--') && !known.includes(word)).map((word) => `no option ${word}`)
}

function scriptProblems(words: readonly string[]): string[] {
  const [script = '', ...rest] = words.filter((word) => word !== '--silent')
  if (!(script in manifest.scripts)) return ['no script']
  return script === 'scaler' && !scalerCommands.includes(rest[1] ?? '') ? ['no command'] : []
}
