/** Implements `./lab workshop join`, which reports a learner's progress to the instructor's page. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type LabProgress, workshopBounds, workshopPaths } from '@lab/contract/workshop-api.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { pause } from '@lab/host/until.ts'
import { gatherFacts, type WhichLocalLab } from '../gather.ts'
import { learnerFolder } from '../learner.ts'
import { progressOf, withoutLab } from './progress.ts'

/** Time limit for the answer of the instructor's page. */
const answerWithinMs = 5_000
/** File with the random text that identifies this checkout on the instructor's page. */
const keyFile = `${root}${learnerFolder}/join-key.txt`

/** The instructor's page does not answer, for example because it was restarted. */
class Unreachable extends LabError {}

/**
 * Reports the results of all steps until a signal ends the command.
 * @throws LabError if the page does not answer the first report, or refuses a report
 */
export async function join(url: string, name: string, which: WhichLocalLab): Promise<void> {
  const stop = stopOnSignals((signal, first) => first && say(`${signal}: no more reports`))
  const key = await ownKey()
  let said = ''
  const sayOnce = (line: string) => {
    if (line !== said) say(line)
    said = line
  }
  let joined = false
  while (!stop.aborted) {
    const progress = await progressNow(which)
    try {
      await report(url, { name, key, ...progress })
      joined = true
      sayOnce(summary(name, progress))
    } catch (error) {
      if (!(joined && error instanceof Unreachable)) throw error
      sayOnce(`${error.message}; trying again every ${workshopBounds.reportEverySeconds} s`)
    }
    await pause(workshopBounds.reportEverySeconds * 1000, stop)
  }
  process.exitCode = exitCodes.interrupted
}

type Progress = ReturnType<typeof progressOf>

async function progressNow(which: WhichLocalLab): Promise<Progress> {
  try {
    return progressOf(await gatherFacts(which))
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return withoutLab(error.message)
  }
}

function summary(name: string, { kind, steps, missing }: Progress): string {
  if (kind === null) return `${name}: ${missing}`
  const done = steps.filter(({ met, of }) => met === of).length
  return `${name}: ${done} of ${steps.length} steps are done${missing === '' ? '' : `; next: ${missing}`}`
}

async function report(url: string, progress: LabProgress): Promise<void> {
  const response = await fetch(new URL(workshopPaths.progress, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(progress),
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((error: Error) => {
    throw new Unreachable(`the instructor's page at ${url} does not answer (${String(error.cause ?? error.message)})`)
  })
  if (response.ok) return void (await response.arrayBuffer())
  const text = (await response.text()).slice(0, 300)
  // Other labs may have sent too many reports, or a proxy may answer while the page itself is away.
  if (response.status === 429 || response.status >= 500)
    throw new Unreachable(`the instructor's page at ${url} answers with HTTP ${response.status}`)
  throw new LabError(`the instructor's page at ${url} refuses the report: ${errorIn(text)}`)
}

function errorIn(text: string): string {
  try {
    return String((JSON.parse(text) as { error?: unknown }).error ?? text)
  } catch {
    return text.split('\n', 1)[0] ?? ''
  }
}

async function ownKey(): Promise<string> {
  const saved = await readFile(keyFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (saved !== undefined) return saved.trim()
  const key = randomUUID()
  await mkdir(`${root}${learnerFolder}`, { recursive: true })
  await writeFile(keyFile, `${key}\n`)
  return key
}
