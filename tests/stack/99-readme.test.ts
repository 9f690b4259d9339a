/**
 * Every command block of the README, typed as it stands and in its order, on the stack under test. Last of all files:
 * the README ends with cleaning up.
 */
import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { type CommandBlock, commandBlocks, pagesWithCommands } from './lib/command-blocks.ts'
import { root } from './lib/compose-file.ts'
import { containers, expectedServices, serviceOf } from './lib/stack.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')
const blocks = commandBlocks(['README.md'])

/** A page of docs/ with commands of its own needs a test of its own. */
const runElsewhere = {
  'docs/chaos.md': 'tests/chaos/01-chaos.test.ts',
  'docs/demo.md': 'tests/demo/scenes.test.ts',
  'docs/proof-report.md': 'tests/k8s-sim/06-proof-report.test.ts',
  'docs/video.md': 'tests/demo/video.test.ts',
  'docs/scaler-commands.md': 'tests/k8s-sim/03-connections.test.ts',
}

/** The block that holds this, of which there must be one. */
function block(part: string): CommandBlock {
  const found = blocks.filter(({ commands }) => commands.includes(part))
  if (found.length !== 1 || !found[0]) throw new Error(`README.md has ${found.length} command blocks with ${part}, not one`)
  return found[0]
}

/** Types a block into a shell, in the checkout, with this stack's name and ports. Returns what it printed. */
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

/** Without Grafana's image, `up` is told so; nothing else about the commands changes. */
function withoutMissing({ where, commands }: CommandBlock): CommandBlock {
  const without = Object.keys(stack.missing).map((service) => ` --scale ${service}=0`)
  return { where, commands: without.length === 0 ? commands : commands.replace('--wait', `--wait --pull never${without.join('')}`) }
}

const run = block('compose up -d --build --wait')
const tests = block('npm cit')
// Typed in a fresh clone, without Docker: embedded/test/fresh-clone.test.ts.
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
const clean = block('compose --profile')

test('all command blocks are among those that are run here', () => {
  expect(blocks).toEqual([
    embedded,
    run,
    tests,
    load,
    more,
    crashed,
    drained,
    threeAgain,
    scenario,
    followed,
    scaling,
    asked,
    scaledDown,
    clean,
  ])
  expect(pagesWithCommands().sort()).toEqual(['README.md', ...Object.keys(runElsewhere)].sort())
  for (const file of Object.values(runElsewhere)) expect(existsSync(`${root}${file}`), file).toBe(true)
})

test('the command that runs the lab leaves every service healthy', { timeout: 200_000 }, async () => {
  await type(withoutMissing(run), 180)
  const running = new Set((await containers(stack)).filter(({ State }) => State.Health?.Status === 'healthy').map(serviceOf))
  expect([...running].sort()).toEqual(expectedServices(stack).sort())
  expect(await replicas()).toBe(3)
})

test('the command that passes the tests is the one that CI runs', async () => {
  const { stdout } = await execa('cat', ['.ci/run'], { cwd: root })
  expect(stdout.split('\n')).toContain(tests.commands.trim())
})

test('a minute of load meets its thresholds', { timeout: 200_000 }, async () => {
  expect(await type(load, 180)).toContain('All thresholds met.')
})

test('more replicas come, and go on running', { timeout: 120_000 }, async () => {
  await type(more, 100)
  await until('five replicas', async () => (await replicas()) === 5, 30_000)
})

test('what is broken is whole again in the end', { timeout: 200_000 }, async () => {
  for (const step of [crashed, drained, threeAgain]) await type(step, 60)
  await until('three replicas', async () => (await replicas()) === 3, 60_000)
})

test('a named scenario runs', { timeout: 120_000 }, async () => {
  expect(await type(scenario, 100)).toContain('smoke')
})

test('logs and traces come with their profiles', { timeout: 200_000 }, async () => {
  await type(withoutMissing(followed), 180)
  const wanted = [...expectedServices(stack), ...[services.loki, services.jaeger].filter((service) => !(service in stack.missing))]
  expect([...new Set((await containers(stack)).map(serviceOf))].sort()).toEqual(wanted.sort())
})

test('the scaler runs, and can be asked', { timeout: 300_000 }, async () => {
  await type(withoutMissing(scaling), 280)
  expect(await replicas()).toBe(2)
  // The first decisions find replicas that have no sample yet.
  const decided = async () => {
    const answers = await type(asked, 30)
    return answers.includes('recommendation') && answers
  }
  const answers = await until('a decision on metrics', decided, 90_000, 2_000)
  for (const part of ['Deployment/ws', 'ScalingActive']) expect(answers).toContain(part)
})

test('cleaning up leaves nothing', { timeout: 200_000 }, async () => {
  await type(scaledDown, 100)
  await type(clean, 60)
  expect(await containers(stack, undefined, { stopped: true })).toEqual([])
  const volumes = await execa('docker', ['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${stack.project}`])
  expect(volumes.stdout).toBe('')
})
