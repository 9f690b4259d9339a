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
      await pause(warmUpMs, stop)
    }
    if (stop.aborted) return { findings: [], leftovers: [], interrupted: true }
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

/** Each statement is looked at in its own time: an answer that is long in coming holds up no other. */
async function watch(plan: Plan, phase: Statement['phase'], world: World, { forSeconds, sinceMs, stop, say }: Watch): Promise<Finding[]> {
  const elapsed = () => (performance.now() - sinceMs) / 1000
  const isOver = () => stop.aborted || (forSeconds !== undefined && elapsed() >= forSeconds)
  const follow = async (statement: Statement): Promise<Finding> => {
    const seen: Observation[] = []
    while (!isOver() && !isSettled(statement, seen)) {
      seen.push(await lookOnce(statement, world, elapsed))
      const leftMs = forSeconds === undefined ? lookEveryMs : Math.max(0, (forSeconds - elapsed()) * 1000)
      if (!isSettled(statement, seen)) await pause(Math.min(lookEveryMs, leftMs), stop)
    }
    const finding = judge(statement, seen)
    if (!stop.aborted) say(findingText(finding))
    return finding
  }
  return Promise.all(plan.statements.filter((statement) => statement.phase === phase).map(follow))
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

/** Waits, or less when it is stopped; who called it looks at that. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}
