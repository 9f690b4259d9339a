/**
 * Runs every command block of the README and its follow-up pages, unchanged, on the stack under test. This test file runs last, because the
 * README's last command block removes the lab.
 */
import { existsSync } from 'node:fs'
import { services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { execa } from 'execa'
import { expect, inject, test } from 'vitest'
import { type CommandBlock, commandBlocks, pagesWithCommands } from './lib/command-blocks.ts'
import { root } from './lib/compose-file.ts'
import { containers, expectedServices, serviceOf } from './lib/stack.ts'

const stack = inject('stack')
/** The README and the other pages whose command blocks this file runs. */
const pages = ['README.md', 'docs/CONTRIBUTING.md', 'docs/first-steps.md', 'docs/load.md', 'docs/logs-and-traces.md']
const blocks = commandBlocks(pages)

/** The pages whose command blocks are not run in this file, each with the test file that runs them. */
const runElsewhere = {
  'docs/chaos.md': 'tests/chaos/01-chaos.test.ts',
  'docs/demo.md': 'tests/demo/scenes.test.ts',
  'docs/hpa-tests.md': 'tests/repo/hpa-page.test.ts',
  'docs/kubernetes.md': 'tests/kubernetes/01-apply.test.ts',
  'docs/proof-report.md': 'tests/k8s-sim/06-proof-report.test.ts',
  'docs/video.md': 'tests/demo/video.test.ts',
  'docs/scaler-commands.md': 'tests/k8s-sim/03-connections.test.ts',
}

/** Returns the only command block that contains the given string. @throws Error unless exactly one block contains the string */
function block(part: string): CommandBlock {
  const found = blocks.filter(({ commands }) => commands.includes(part))
  if (found.length !== 1 || !found[0]) throw new Error(`there are ${found.length} command blocks with ${part}, not one`)
  return found[0]
}

/** Runs a command block in a shell in the checkout, with the project name and ports of the stack under test. @returns its output */
async function type({ where, commands }: CommandBlock, withinSeconds: number): Promise<string> {
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project, COMPOSE_ANSI: 'never', COMPOSE_PROGRESS: 'plain' }
  const ran = await execa('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: root,
    env,
    timeout: withinSeconds * 1000,
    reject: false,
    all: true,
  })
  expect(ran.exitCode, `${where}\n${commands}\n${ran.all}`).toBe(0)
  return String(ran.all)
}

const replicas = async () => (await containers(stack, services.ws)).length

/**
 * Returns the command block unchanged if all images exist; otherwise, changes its `docker compose up` command so that services without an
 * image are not started.
 */
function withoutMissing({ where, commands }: CommandBlock): CommandBlock {
  const without = Object.keys(stack.missing).map((service) => ` --scale ${service}=0`)
  return { where, commands: without.length === 0 ? commands : commands.replace('--wait', `--wait --pull never${without.join('')}`) }
}

const run = block('compose up -d --build --wait')
const tests = block('npm cit')
// The command block that contains `npm start` is run by tests/repo/fresh-clone.test.ts, in a fresh clone without Docker.
const embedded = block('npm start')
const load = block('run --rm k6')
const more = block('--scale ws=5')
const crashed = block('docker kill')
const drained = block('docker stop')
const threeAgain = block('--scale ws=3')
const scenario = block('SCENARIO=smoke')
const followed = block('COMPOSE_PROFILES')
const scaling = block('-f compose.k8s-sim.yaml up')
const asked = block('get hpa')
const scaledDown = block('-f compose.k8s-sim.yaml --profile')
const clean = block('docker compose --profile')

test('this file runs all command blocks', () => {
  expect(blocks).toEqual([
    embedded,
    run,
    clean,
    tests,
    load,
    more,
    crashed,
    drained,
    threeAgain,
    scaling,
    asked,
    scaledDown,
    scenario,
    followed,
  ])
  expect(pagesWithCommands().sort()).toEqual([...pages, ...Object.keys(runElsewhere)].sort())
  for (const file of Object.values(runElsewhere)) expect(existsSync(`${root}${file}`), file).toBe(true)
})

test('the command that starts the lab makes every service healthy', { timeout: 200_000 }, async () => {
  await type(withoutMissing(run), 180)
  const running = new Set((await containers(stack)).filter(({ State }) => State.Health?.Status === 'healthy').map(serviceOf))
  expect([...running].sort()).toEqual(expectedServices(stack).sort())
  expect(await replicas()).toBe(3)
})

test('the test command is the command that CI runs', async () => {
  const { stdout } = await execa('cat', ['.ci/run'], { cwd: root })
  expect(stdout.split('\n')).toContain(tests.commands.trim())
})

test('a minute of load meets its thresholds', { timeout: 200_000 }, async () => {
  expect(await type(load, 180)).toContain('All thresholds met.')
})

test('additional replicas start and keep running', { timeout: 120_000 }, async () => {
  await type(more, 100)
  await until('five replicas', async () => (await replicas()) === 5, { withinMs: 30_000 })
})

test('the killed and stopped replicas are replaced at the end', { timeout: 200_000 }, async () => {
  for (const step of [crashed, drained, threeAgain]) await type(step, 60)
  await until('three replicas', async () => (await replicas()) === 3, { withinMs: 60_000 })
})

test('a scenario can be selected by name', { timeout: 120_000 }, async () => {
  expect(await type(scenario, 100)).toContain('smoke')
})

test('the profiles enable logs and traces', { timeout: 200_000 }, async () => {
  await type(withoutMissing(followed), 180)
  const wanted = [...expectedServices(stack), ...[services.loki, services.jaeger].filter((service) => !(service in stack.missing))]
  expect([...new Set((await containers(stack)).map(serviceOf))].sort()).toEqual(wanted.sort())
})

test('the scaler runs, and its commands work', { timeout: 300_000 }, async () => {
  await type(withoutMissing(scaling), 280)
  expect(await replicas()).toBe(2)
  // The scaler's first decisions contain no recommendation, because the replicas have no CPU samples yet.
  const decided = async () => {
    const answers = await type(asked, 30)
    return answers.includes('recommendation') && answers
  }
  const answers = await until('a decision with metrics', decided, { withinMs: 90_000, everyMs: 2_000 })
  for (const part of ['Deployment/ws', 'ScalingActive']) expect(answers).toContain(part)
})

test('the cleanup removes everything', { timeout: 200_000 }, async () => {
  await type(scaledDown, 100)
  await type(clean, 60)
  expect(await containers(stack, undefined, { stopped: true })).toEqual([])
  expect(await docker(['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${stack.project}`])).toBe('')
})
