/**
 * Solves the workshop by its own pages: of each step the check says no, then the page's command blocks are typed as they stand, one after
 * the other and without a network, and the check says yes.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, inject, test } from 'vitest'
import { type Step, steps } from '../../cli/src/workshop/steps.ts'
import { decisionLogPath, readLastRecord } from '../../scaler/src/decision-log.ts'
import { type CommandBlock, commandBlocks } from '../stack/lib/command-blocks.ts'
import { root } from '../stack/lib/compose-file.ts'
import { until } from '../stack/lib/until.ts'
import { hurried, outputFolder, stateFolder } from './lib/settings.ts'

const stack = inject('stack')
/** The longest step has three minutes of it. */
const stepWithinSeconds = 420
/** Until what was done last has been scraped and decided on. */
const seenWithinMs = 60_000
const notRunning = 2

// The pages' commands choose their files themselves.
const { COMPOSE_FILE: _files, COMPOSE_PATH_SEPARATOR: _separator, ...ports } = stack.env
const env = {
  ...ports,
  ...hurried,
  COMPOSE_PROJECT_NAME: stack.project,
  COMPOSE_DISABLE_ENV_FILE: '1',
  COMPOSE_ANSI: 'never',
  COMPOSE_PROGRESS: 'plain',
  SCALER_STATE: stateFolder,
}
/** Typed after `lab up`, as the first page tells who has no network. */
const upOptions = [
  '--offline',
  ...Object.keys(stack.missing)
    .filter((service) => service === 'grafana')
    .map((service) => `--without=${service}`),
]

/** Pages whose commands want the lab calm, as they say themselves. */
const wantsTwoReplicas = [6]

/** Types commands into a shell in the root of the checkout. */
async function type(commands: string, withinSeconds: number) {
  const offline = commands.replaceAll(/npx lab up.*/g, (line) => [line, ...upOptions].join(' '))
  const ran = await execa('bash', ['-euo', 'pipefail', '-c', offline], {
    cwd: root,
    env,
    timeout: withinSeconds * 1000,
    reject: false,
    all: true,
    stdin: 'ignore',
  })
  return { exitCode: ran.exitCode ?? -1, said: String(ran.all) }
}

async function solve(step: Step, blocks: readonly CommandBlock[]): Promise<void> {
  for (const [i, { where, commands }] of blocks.entries()) {
    const { exitCode, said } = await type(commands, stepWithinSeconds)
    await writeFile(join(outputFolder, `${String(step.number).padStart(2, '0')}-${i + 1}.txt`), said)
    expect(exitCode, `${where}\n${commands}\n${said}`).toBe(0)
  }
}

/** What the autoscaler decided on last. */
async function replicasNow(): Promise<number | null | undefined> {
  return (await readLastRecord(decisionLogPath(`${root}${stateFolder}`)))?.decision.currentReplicas
}

describe.each(steps)('step $number, $title', (step) => {
  const blocks = commandBlocks([step.page])
  const check = blocks.at(-1)
  const runCheck = () => type(check?.commands ?? 'false', 60)

  test('is not done yet, says the check', async () => {
    const { exitCode, said } = await runCheck()
    expect(exitCode, said).toBe(step.number === 1 ? notRunning : 1)
  })

  test('is done by the commands of its page', { timeout: (stepWithinSeconds + 120) * 1000 }, async () => {
    if (wantsTwoReplicas.includes(step.number)) await until('two replicas', async () => (await replicasNow()) === 2, 120_000, 1000)
    await solve(step, blocks.slice(0, -1))
  })

  test('is done, says the check', { timeout: seenWithinMs + 60_000 }, async () => {
    let said = ''
    const done = async () => {
      const answer = await runCheck()
      said = answer.said
      return answer.exitCode === 0
    }
    await until(`step ${step.number} done`, done, seenWithinMs, 2000).catch((error: Error) => {
      throw new Error(`${error.message}\n${said}`)
    })
    await writeFile(join(outputFolder, `${String(step.number).padStart(2, '0')}-check.txt`), said)
  })
})

test('what was done first still counts in the end', { timeout: 300_000 }, async () => {
  for (const { number } of steps) {
    const { exitCode, said } = await type(`npx lab workshop check ${number}`, 60)
    expect(exitCode, said).toBe(0)
  }
})
