/** Runs one fault: says what will happen, does it, looks, undoes it whatever happens, and judges. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Plan, Statement, Step } from './core/types.ts'
import { type Finding, isSettled, judge, type Observation } from './core/verdict.ts'
import { startTalk } from './talk.ts'
import type { World } from './world.ts'

const lookEveryMs = 1_000
/** Over which the talk begins before the fault does. */
const warmUpMs = 3_000

export interface Run {
  findings: Finding[]
  /** What could not be undone, and why. */
  leftovers: string[]
  interrupted: boolean
}

export interface RunOptions {
  seconds: number
  check: boolean
  say: (line: string) => void
  /** Ends the fault early. */
  stop: AbortSignal
}

/** Rejects when the fault could not be begun; then, too, it has been undone. */
export async function runFault(plan: Plan, world: World, { seconds, check, say, stop }: RunOptions): Promise<Run> {
  const endTalk = check ? startTalk(world.entry()) : () => undefined
  try {
    if (check) {
      await quietBefore(plan, world)
      await sleep(warmUpMs, undefined, { signal: stop })
    }
    const findings: Finding[] = []
    const leftovers: string[] = []
    try {
      for (const step of plan.begin) await world.take(step)
      const begun = performance.now()
      say(`begun; it is undone after ${seconds} s, or with Ctrl-C`)
      if (check) findings.push(...(await watch(plan, 'during', world, { forSeconds: seconds, sinceMs: begun, stop, say })))
      await sleep(Math.max(0, seconds * 1000 - (performance.now() - begun)), undefined, { signal: stop })
    } catch (error) {
      if (!stop.aborted) throw error
    } finally {
      say('undoing it')
      leftovers.push(...(await undo(plan.undo, world)))
    }
    say(leftovers.length === 0 ? 'undone' : `not undone: ${leftovers.join('; ')}`)
    if (check && !stop.aborted && leftovers.length === 0)
      findings.push(...(await watch(plan, 'after', world, { sinceMs: performance.now(), stop, say })))
    return { findings, leftovers, interrupted: stop.aborted }
  } finally {
    endTalk()
  }
}

/** An alert that fires already could not be seen to come. */
async function quietBefore({ statements }: Plan, world: World): Promise<void> {
  for (const { look } of statements) {
    if (look.kind !== 'alert' || look.firing) continue
    const { held, seen } = await world.look(look)
    if (!held) throw new Error(`--check: ${look.labels.alertname} fires already, so nothing could be said of it (${seen})`)
  }
}

/** Every step is tried, also when one before it fails. */
async function undo(steps: readonly Step[], world: World): Promise<string[]> {
  const failures: string[] = []
  for (const step of steps) await world.take(step).catch((error: Error) => failures.push(error.message))
  return failures
}

interface Watch {
  /** How long the phase lasts; undefined: until everything is settled. */
  forSeconds?: number
  sinceMs: number
  stop: AbortSignal
  say: (line: string) => void
}

async function watch(plan: Plan, phase: Statement['phase'], world: World, { forSeconds, sinceMs, stop, say }: Watch): Promise<Finding[]> {
  const own = plan.statements
    .filter((statement) => statement.phase === phase)
    .map((statement) => ({ statement, seen: [] as Observation[], told: false }))
  const elapsed = () => (performance.now() - sinceMs) / 1000
  const goesOn = () => (forSeconds === undefined ? own.some(({ statement, seen }) => !isSettled(statement, seen)) : elapsed() < forSeconds)
  while (!stop.aborted && goesOn()) {
    const open = own.filter(({ statement, seen }) => !isSettled(statement, seen))
    await Promise.all(open.map(async ({ statement, seen }) => void seen.push(await lookOnce(statement, world, elapsed))))
    for (const one of own) {
      if (one.told || !isSettled(one.statement, one.seen)) continue
      one.told = true
      say(findingText(judge(one.statement, one.seen)))
    }
    const left = forSeconds === undefined ? lookEveryMs : Math.min(lookEveryMs, Math.max(0, (forSeconds - elapsed()) * 1000))
    await sleep(left, undefined, { signal: stop }).catch(() => undefined)
  }
  const findings = own.map(({ statement, seen }) => judge(statement, seen))
  for (const [index, { told }] of own.entries()) if (!told && findings[index]) say(findingText(findings[index]))
  return findings
}

async function lookOnce({ look }: Statement, world: World, elapsed: () => number): Promise<Observation> {
  // When it was asked, not when the answer came.
  const atSeconds = elapsed()
  return world.look(look).then(
    ({ held, seen }) => ({ atSeconds, held, seen }),
    (error: Error) => ({ atSeconds, held: undefined, seen: error.message }),
  )
}

function findingText({ came, what, detail }: Finding): string {
  return `${came ? 'as said' : 'NOT AS SAID'}: ${what}: ${detail}`
}
