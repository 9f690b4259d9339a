/**
 * Checks the recipes in docs/CONTRIBUTING.md. The files and commands that a recipe mentions must exist. Some recipes are carried out in a
 * copy of the repository: the recipe's check must fail before the last change and pass after it.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyOfRepo } from '../lib/copy.ts'
import { read, root } from './lib/repo-files.ts'

const page = read('docs/CONTRIBUTING.md')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const codeIn = (text = '') => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

interface Recipe {
  title: string
  files: string[]
  generate: string[]
  /** Test files, or parts of their names. */
  tests: string[]
}

const [, recipesPart = ''] = /^## Recipes\n([\s\S]*?)^## /m.exec(page) ?? []
const recipes = recipesPart.split(/^### /m).slice(1).map(readRecipe)

function readRecipe(text: string): Recipe {
  const line = (name: string) => codeIn(new RegExp(`^- ${name}: (.*)$`, 'm').exec(text)?.[1])
  const [check = ''] = line('Check')
  const [, tests = ''] = /^npm run test:unit -- (.+)$/.exec(check) ?? []
  return { title: text.split('\n', 1)[0] ?? '', files: line('Files'), generate: line('Generate'), tests: tests.split(' ') }
}

function recipe(title: string): Recipe {
  const found = recipes.find((one) => one.title === title)
  if (!found) throw new Error(`docs/CONTRIBUTING.md has no recipe "${title}"`)
  return found
}

test('there is a recipe for every kind of change', () => {
  expect(recipes.map(({ title }) => title)).toEqual([
    'Add a metric with a panel and an alert',
    'Write a runbook',
    'Add a fault',
    'Add a load scenario',
    'Add a message type',
    'Add a setting',
    'Add a command',
  ])
})

describe.each(recipes)('$title', ({ files, generate, tests }) => {
  test('lists existing files', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((pattern) => globSync(pattern, { cwd: root }).length === 0)).toEqual([])
  })

  test('lists existing tests', () => {
    expect(generate).toEqual(['npm run generate'])
    // Without names, the check would run every unit test.
    expect(tests).not.toContain('')
    expect(tests.filter((name) => !existsSync(join(root, name)))).toEqual([])
  })
})

test('every suite is listed with an existing file', () => {
  const listed = [...page.matchAll(/`npm run (test:[\w-]+) -- (\S+\.test\.ts)`/g)].flatMap(([, script = '', file = '']) =>
    page.includes(`| \`npm run ${script} -- ${file}\` |`) ? [{ script, file }] : [],
  )
  expect(listed.map(({ script }) => script).sort()).toEqual(
    Object.keys(scripts)
      .filter((name) => name.startsWith('test:'))
      .sort(),
  )
  expect(listed.filter(({ file }) => !existsSync(join(root, file)))).toEqual([])
})

describe('a recipe that is carried out in a copy', () => {
  let copy = ''

  beforeAll(() => {
    copy = copyOfRepo('recipes-')
  }, 120_000)

  afterAll(() => rm(copy, { recursive: true, force: true }))

  const edit = (file: string, from: string, to: string) => {
    const text = readFileSync(join(copy, file), 'utf8')
    expect(text.split(from), `${file}: ${from}`).toHaveLength(2)
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    )
  }

  /** Runs an installed program in the copy of the repository. @returns the program's output if it fails, otherwise an empty string */
  async function run(...words: string[]): Promise<string | undefined> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_V8_COVERAGE|TEST$)/.test(name)))
    const ran = await execa(process.execPath, words, { cwd: copy, env, extendEnv: false, reject: false, timeout: 300_000, all: true })
    if (ran.timedOut) throw new Error(`timed out: ${words.join(' ')}`)
    return ran.exitCode === 0 ? undefined : String(ran.all)
  }
  const generate = () => run('tools/generate/main.ts')
  const check = ({ tests }: Recipe) => run('node_modules/vitest/vitest.mjs', 'run', '--config', 'tests/unit.config.ts', ...tests)

  /** Makes all changes of a recipe, and runs the recipe's check immediately before and after the last change. */
  async function carryOut(title: string, changes: Record<string, () => void>): Promise<void> {
    const { files } = recipe(title)
    const changed = Object.keys(changes)
    expect(changed.filter((file) => !files.some((pattern) => globSync(pattern, { cwd: copy }).includes(file) || pattern === file))).toEqual(
      changed.filter((file) => !existsSync(join(copy, file))),
    )
    const last = changed.length - 1
    for (const [index, change] of Object.values(changes).entries()) {
      if (index === last) {
        expect((await generate()) ?? (await check(recipe(title))), 'with one file still to change').toBeDefined()
      }
      change()
    }
    expect((await generate()) ?? (await check(recipe(title))), 'with all files changed').toBeUndefined()
  }

  test('a load scenario', { timeout: 900_000 }, () =>
    carryOut('Add a load scenario', {
      'k6/lib/scenarios.ts': () => {
        const [smoke = ''] = /\n {2}smoke: .*/.exec(readFileSync(join(copy, 'k6/lib/scenarios.ts'), 'utf8')) ?? []
        edit('k6/lib/scenarios.ts', smoke, smoke.replace(/smoke: \{ purpose: '[^']*'/, "handful: { purpose: 'five sockets'") + smoke)
      },
      'docs/load.md': () => edit('docs/load.md', '| `smoke` |', '| `handful` | five sockets |\n| `smoke` |'),
    }),
  )

  test('a setting', { timeout: 900_000 }, () =>
    carryOut('Add a setting', {
      'services/ws/src/config.ts': () =>
        edit(
          'services/ws/src/config.ts',
          '\n  REPLICA_ID: {',
          "\n  GREETING_DELAY: { kind: 'integer', default: 0, min: 0, max: 60_000, unit: 'ms', help: 'A sample.' },\n  REPLICA_ID: {",
        ),
      'services/common.yaml': () =>
        edit('services/common.yaml', '\n      METRICS: $', `\n      GREETING_DELAY: \${GREETING_DELAY-}\n      METRICS: $`),
    }),
  )

  test('a fault', { timeout: 900_000 }, () =>
    carryOut('Add a fault', {
      'tools/faults/catalogue/index.ts': () => {
        edit('tools/faults/catalogue/index.ts', '\nimport { scale }', "\nimport { sample } from './sample.ts'\nimport { scale }")
        edit('tools/faults/catalogue/index.ts', '\n  scale,\n', '\n  sample,\n  scale,\n')
      },
      'tools/faults/catalogue/sample.ts': () => {
        const text = read('tools/faults/catalogue/traefik-reload.ts').replace('traefikReload', 'sample')
        writeFileSync(join(copy, 'tools/faults/catalogue/sample.ts'), text)
      },
    }),
  )
})
