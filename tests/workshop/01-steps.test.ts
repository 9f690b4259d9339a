/**
 * Completes the workshop with the commands from its pages. In each step, the step's check must fail before the page's command blocks run.
 * After the page's command blocks have run, unchanged and without network access, the step's check must pass.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Step, steps } from '@lab/cli/workshop/steps.ts'
import { until } from '@lab/host/until.ts'
import { decisionLogPath, readLastRecord } from '@lab/scaler/decision-log.ts'
import { execa } from 'execa'
import { describe, expect, inject, test } from 'vitest'
import { type CommandBlock, commandBlocks } from '../stack/lib/command-blocks.ts'
import { root } from '../stack/lib/compose-file.ts'
import { hurried, outputFolder, stateFolder } from './lib/settings.ts'

const stack = inject('stack')
/** Timeout for one command block. The longest workshop step takes three minutes. */
const stepWithinSeconds = 420
/** Maximum time until Prometheus has scraped the results of a workshop step and the scaler has made a decision. */
const seenWithinMs = 60_000
const notRunning = 2

// The commands on the workshop pages select the Compose files themselves.
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
/** Options for running `./lab up` without network access, as described on the workshop's first page. */
const upOptions = [
  '--offline',
  ...Object.keys(stack.missing)
    .filter((service) => service === 'grafana')
    .map((service) => `--without=${service}`),
]

/** The workshop steps that require two replicas when they start. */
const wantsTwoReplicas = [6]

/** Runs commands in a shell in the checkout's root folder. */
async function type(commands: string, withinSeconds: number) {
  const offline = commands.replaceAll(/\.\/lab up.*/g, (line) => [line, ...upOptions].join(' '))
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

/** Returns the number of replicas in the scaler's latest decision. */
async function replicasNow(): Promise<number | null | undefined> {
  return (await readLastRecord(decisionLogPath(`${root}${stateFolder}`)))?.decision.currentReplicas
}

describe.each(steps)('step $number, $title', (step) => {
  const blocks = commandBlocks([step.page])
  const check = blocks.at(-1)
  const runCheck = () => type(check?.commands ?? 'false', 60)

  test('fails its check at first', async () => {
    const { exitCode, said } = await runCheck()
    expect(exitCode, said).toBe(step.number === 1 ? notRunning : 1)
  })

  test('runs the commands of its page', { timeout: (stepWithinSeconds + 120) * 1000 }, async () => {
    if (wantsTwoReplicas.includes(step.number))
      await until('two replicas', async () => (await replicasNow()) === 2, { withinMs: 120_000, everyMs: 1000 })
    await solve(step, blocks.slice(0, -1))
  })

  test('passes its check', { timeout: seenWithinMs + 60_000 }, async () => {
    let said = ''
    const done = async () => {
      const answer = await runCheck()
      said = answer.said
      return answer.exitCode === 0
    }
    await until(`the check of step ${step.number} passes`, done, { withinMs: seenWithinMs, everyMs: 2000 }).catch((error: Error) => {
      throw new Error(`${error.message}\n${said}`)
    })
    await writeFile(join(outputFolder, `${String(step.number).padStart(2, '0')}-check.txt`), said)
  })
})

test('all checks still pass at the end', { timeout: 300_000 }, async () => {
  for (const { number } of steps) {
    const { exitCode, said } = await type(`./lab workshop check ${number}`, 60)
    expect(exitCode, said).toBe(0)
  }
})
