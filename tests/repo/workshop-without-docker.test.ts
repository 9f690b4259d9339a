/**
 * Completes the workshop on the embedded lab with the commands of workshop/without-docker.md, in a copy of the repository. In each step, the
 * step's check must fail before the page's commands run, and pass afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { socketsOf } from '@lab/cli/workshop/scaling.ts'
import { steps, stepsOn } from '@lab/cli/workshop/steps.ts'
import { type LabView, workshopPaths } from '@lab/contract/workshop-api.ts'
import { until } from '@lab/host/until.ts'
import { decisionLogPath, readLastRecord } from '@lab/scaler/decision-log.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyOfRepo } from '../lib/copy.ts'
import { freePorts } from '../stack/lib/global-setup.ts'
import { read } from './lib/repo-files.ts'

const page = 'workshop/without-docker.md'
/** Factor by which the scaler's time is shortened, four times as much as by default. */
const timeScale = 20
/** A load of many sockets with a duration. The test ends it with Ctrl-C as soon as the scaler has reacted to it. */
const load = /^\.\/lab load (\d{2,}) --duration \d+s --on embedded$/
/** A pause in which the scaler removes replicas. The test continues as soon as the scaler has removed them. */
const pause = /^sleep \d+$/
/** The steps at whose start two replicas are needed. */
const wantsTwoReplicas = [6, 7]
const generous = { withinMs: 90_000, everyMs: 200 }

const text = read(page)
const blocksOf = (section: string) => [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands)
const [, start = '', ...sections] = text.split(/^## /m)
const walk = sections.map((section) => {
  const [, number = '', title = ''] = /^(\d+)\. (.*)\n/.exec(section) ?? []
  const blocks = blocksOf(section)
  return { number: Number(number), title, blocks: blocks.slice(0, -1), check: blocks.at(-1) }
})

test('the page has all steps that work without Docker, in order, each with its check', () => {
  const possible = stepsOn('embedded')
  expect(walk.map(({ number, title, check }) => [number, title, check])).toEqual(
    possible.map(({ number, title }) => [number, title, `./lab workshop check ${number}\n`]),
  )
  expect(possible.length).toBeGreaterThanOrEqual(6)
  const rows = [...text.matchAll(/^\| (\d+) \| \[(.*?)\]\((.*?)\) \| (yes|no)/gm)].map(([, ...cells]) => cells)
  expect(rows).toEqual(
    steps.map(({ number, title, page: own, withoutDocker }) => [
      String(number),
      title,
      own.replace('workshop/', ''),
      withoutDocker ? 'yes' : 'no',
    ]),
  )
})

describe('the steps without Docker', () => {
  let copy = ''
  let env: Record<string, string | undefined> = {}
  const processes: ChildProcess[] = []
  let output = ''
  let instructor = ''

  /** Starts a command that keeps running. */
  function begin(commands: string): void {
    const shell = spawn('bash', ['-euc', commands], { cwd: copy, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (data) => (output += data))
    processes.push(shell)
  }

  async function type(commands: string) {
    const ran = await execa('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd: copy,
      env,
      timeout: 120_000,
      reject: false,
      all: true,
    })
    return { exitCode: ran.exitCode, said: String(ran.all) }
  }

  /** Waits until the newest decision was made with the given number of replicas, and with at least the given number of sockets. */
  const decided = (replicas: number, sockets: number) =>
    until(
      `a decision with ${replicas} replicas and ${sockets} sockets`,
      async () => {
        const record = await readLastRecord(decisionLogPath(join(copy, env.SCALER_STATE ?? '')))
        if (record === undefined) return false
        return record.decision.currentReplicas === replicas && socketsOf(record).reduce((sum, one) => sum + one, 0) >= sockets
      },
      generous,
    )

  /** Runs a load until the scaler has reacted to it. */
  async function endLoad(command: string, sockets: number): Promise<void> {
    const running = execa('bash', ['-c', `exec ${command}`], { cwd: copy, env, timeout: 120_000, reject: false, all: true })
    // Sockets that move to another replica at the moment of a scrape are missing in a decision.
    await decided(Math.max(2, Math.ceil(sockets / 100)), Math.ceil(sockets * 0.95)).finally(() => running.kill('SIGINT'))
    const { exitCode, all } = await running
    expect(exitCode, String(all)).toBe(130)
  }

  /** Runs the commands of a block. */
  async function run(block: string): Promise<void> {
    let lines: string[] = []
    const flush = async () => {
      if (lines.length === 0) return
      const { exitCode, said } = await type(lines.join('\n'))
      expect(exitCode, `${lines.join('\n')}\n${said}`).toBe(0)
      lines = []
    }
    for (const line of block.trimEnd().split('\n')) {
      const [, sockets] = load.exec(line) ?? []
      if (sockets === undefined && !pause.test(line)) {
        lines.push(line)
        continue
      }
      await flush()
      if (sockets === undefined) await decided(2, 0)
      else await endLoad(line, Number(sockets))
    }
    await flush()
  }

  beforeAll(async () => {
    copy = copyOfRepo('workshop-')
    const { LAB_PORT = '', GRAFANA_PORT } = await freePorts()
    env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_V8_COVERAGE|COMPOSE_|TEST$)/.test(name)))
    // A free port has a decision log of its own.
    Object.assign(env, { LAB_PORT, GRAFANA_PORT, SCALER_STATE: `reports/embedded-${LAB_PORT}` })
    const [lab = '', state] = blocksOf(start)
    expect(state).toBe('export SCALER_STATE=reports/embedded\n')
    const before = await type('./lab workshop check 1 --on embedded')
    expect(before).toEqual({ exitCode: 2, said: expect.stringContaining('no embedded lab at') })
    begin(`${lab.trimEnd()} --time-scale ${timeScale}`)
    await until('the lab is ready', () => output.includes('Ctrl-C ends the lab'), generous).catch((error: Error) => {
      throw new Error(`${error.message}\n${output}`)
    })
    begin('./lab workshop host --port 0')
    instructor = await until('the page is there', () => /page: (http\S+\d)\. /.exec(output)?.[1], generous)
    begin(`./lab workshop join ${instructor} Anna`)
  }, 180_000)

  afterAll(async () => {
    for (const shell of processes) {
      const ended = once(shell, 'exit')
      if (shell.exitCode !== null || shell.signalCode !== null) continue
      process.kill(-(shell.pid ?? 0), 'SIGINT')
      const late = setTimeout(() => process.kill(-(shell.pid ?? 0), 'SIGKILL'), 20_000)
      await ended
      clearTimeout(late)
    }
    await rm(copy, { recursive: true, force: true })
  }, 120_000)

  test.each(walk)('step $number, $title', { timeout: 300_000 }, async ({ number, blocks, check = '' }) => {
    const before = await type(check)
    expect(before.exitCode, before.said).toBe(1)
    if (wantsTwoReplicas.includes(number)) await decided(2, 0)
    for (const block of blocks) await run(block)
    let after = ''
    const done = async () => {
      const { exitCode, said } = await type(check)
      after = said
      return exitCode === 0
    }
    await until(`the check of step ${number} passes`, done, { withinMs: 20_000, everyMs: 1000 }).catch((error: Error) => {
      throw new Error(`${error.message}\n${after}`)
    })
  })

  test("the instructor's page shows every step as done", { timeout: 60_000 }, async () => {
    const labs = async () => (await (await fetch(new URL(workshopPaths.labs, instructor))).json()) as LabView[]
    const done = async () => (await labs())[0]?.steps.filter(({ met, of }) => met === of).map(({ step }) => step)
    await expect.poll(done, { timeout: 45_000, interval: 500 }).toEqual(walk.map(({ number }) => number))
    expect(await labs()).toMatchObject([{ name: 'Anna', kind: 'embedded', missing: '', stale: false }])
  })

  test('a step that needs Docker is refused in one line', { timeout: 60_000 }, async () => {
    expect(await type('./lab workshop check 8')).toEqual({
      exitCode: 2,
      said: 'lab: step 8 needs the lab on Docker Compose; on the embedded lab, allowed are the steps 1, 2, 3, 4, 5, 6, 7, 11, 13',
    })
  })

  test('a name in use by another checkout, and a page that does not answer, are one clear line', { timeout: 60_000 }, async () => {
    await rm(join(copy, 'workshop/my/join-key.txt'))
    expect(await type(`./lab workshop join ${instructor} anna`)).toEqual({
      exitCode: 1,
      said: `lab: the instructor's page at ${instructor} refuses the report: name: anna is in use by another lab; choose another name`,
    })
    const { exitCode, said } = await type('./lab workshop join http://127.0.0.1:1 Anna')
    expect(exitCode).toBe(1)
    expect(said).toMatch(/^lab: the instructor's page at http:\/\/127\.0\.0\.1:1 does not answer \(.*\)$/)
  })
})
