/** `replay`: what other settings would have done with a recorded load, and whether the recorded decisions can be taken again. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import { defaultFeatureGates, type HorizontalPodAutoscaler } from '../core/types.ts'
import { parseRecords, RecordError } from '../read-records.ts'
import type { TickRecord } from '../record.ts'
import { loadOf, missingMetrics, type RecordedLoad, recordedMetrics, type Seen } from '../replay/load.ts'
import { observedRun, type Run, recordedRun, replay } from '../replay/replay.ts'
import { verify } from '../replay/verify.ts'
import { problemText, readHpa } from '../spec/read.ts'
import { replayHtml } from '../views/replay-html.ts'
import { replayJson, replayTable } from '../views/replay-table.ts'
import { noteLines, notes } from '../views/view.ts'
import { counted } from '../views/words.ts'
import { fromShell, hint, print, readRecords, stateOption } from './log.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions, readRecordedLoad } from './recorded-load.ts'

interface ReplayOptions extends RecordedLoadOptions {
  readonly state: string
  readonly from?: string
  readonly hpa?: readonly string[]
  readonly html?: string
  readonly verify?: true
  readonly output?: 'json'
}

/** What a reader must know of the model; scaler/src/replay/replay.ts has all of it. */
const modelNote =
  'A model: the recorded load is spread evenly over the replicas that would have been ready. Real sockets stay where they are, so a new replica fills more slowly than here.'
const shownDifferences = 10

export function register(program: Command): void {
  const command = program
    .command('replay')
    .description('play a recorded load through other settings: replica curve, over-capacity, time above target, changes')
    .option('--from <source>', 'a decision log, or prometheus; the log of the scaler otherwise')
    .option('--hpa <file>', 'settings to try; may be given several times', (file: string, files: readonly string[] = []) => [
      ...files,
      file,
    ])
    .option('--html <file>', 'write a plot there as well')
    .addOption(new Option('-o, --output <format>', 'how to print the figures').choices(['json']))
    .addOption(new Option('--verify', 'take every recorded decision again; exit code 1 when one differs').conflicts(['html', 'output']))
    .addOption(stateOption())
  addRecordedLoadOptions(command).action(async (options: ReplayOptions) => run(options, program))
}

interface Settings {
  readonly file: string
  readonly hpa: HorizontalPodAutoscaler
}

async function run(options: ReplayOptions, program: Command): Promise<void> {
  const files = options.hpa ?? []
  if (options.verify !== true && files.length === 0)
    program.error('error: name settings with --hpa FILE, or ask for --verify', { exitCode: 2 })
  if (options.verify === true && files.length > 0)
    program.error('error: --verify takes the recorded settings: leave out --hpa', { exitCode: 2 })
  if (options.verify === true && options.from === 'prometheus')
    program.error('error: --verify needs a decision log: Prometheus has no decisions on record', { exitCode: 2 })
  if (options.verify) return printVerification(await recordsOf(options, program))

  const settings = await Promise.all(files.map(async (file) => ({ file, hpa: await readSettings(file, program) })))
  const { recorded, load, timeScale } = await recordingOf(options, settings, program)
  for (const { file, hpa } of settings) checkMetrics(file, hpa, load, program)
  const runs: Run[] = [...recorded(), ...settings.map(({ file, hpa }) => replay(file, hpa, load))]
  const marks = { timeScale, paused: false }
  print(options.output === 'json' ? replayJson(runs, timeScale) : `${noteLines(marks)}${replayTable(runs)}`)
  hint(modelNote)
  if (options.html === undefined) return
  await writeFile(fromShell(options.html), replayHtml(runs, { notes: [...notes(marks), modelNote] }))
  hint(`plot: ${options.html}`)
}

/** What was recorded, and the rows of it. */
interface Recording {
  readonly recorded: () => Run[]
  readonly load: RecordedLoad
  readonly timeScale: number
}

async function recordingOf(options: ReplayOptions, settings: readonly Settings[], program: Command): Promise<Recording> {
  if (options.from === 'prometheus') {
    const metrics = settings.flatMap(({ hpa }) => hpa.metrics)
    const seen: Seen[] = await readRecordedLoad(options, metrics, program, (file) => textOf(file, program))
    const load = loadOf(seen)
    const [first] = settings
    const recorded = () => (first === undefined ? [] : [observedRun(`recorded, targets of ${first.file}`, first.hpa.metrics, load)])
    return { recorded, load, timeScale: options.timeScale }
  }
  const records = await recordsOf(options, program)
  const load = loadOf(records)
  const run = recordedRun('recorded', records, load)
  if (run === null) throw new Error('the recording holds no decision')
  return { recorded: () => [run, replay('recorded, modelled', run.hpa, load)], load, timeScale: records.at(-1)?.timeScale ?? 1 }
}

async function recordsOf({ from, state }: ReplayOptions, program: Command): Promise<TickRecord[]> {
  if (from === undefined) return readRecords(state)
  const text = await textOf(from, program)
  try {
    const records = parseRecords(text, from)
    if (records.length > 0) return records
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    program.error(`error: ${error.message}`, { exitCode: 2 })
  }
  return program.error(`error: ${from}: holds no decision`, { exitCode: 2 })
}

async function textOf(file: string, program: Command): Promise<string> {
  try {
    return await readFile(fromShell(file), 'utf8')
  } catch (error) {
    return program.error(`error: ${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`, { exitCode: 2 })
  }
}

async function readSettings(file: string, program: Command): Promise<HorizontalPodAutoscaler> {
  const read = readHpa(await textOf(file, program), file, defaultFeatureGates)
  if ('hpa' in read) return read.hpa
  return program.error(read.problems.map(problemText).join('\n'), { exitCode: 2 })
}

function checkMetrics(file: string, { metrics }: HorizontalPodAutoscaler, load: RecordedLoad, program: Command): void {
  const missing = missingMetrics(metrics, load)
  if (missing.length === 0) return
  program.error(`error: ${file}: not in the recording: ${missing.join(', ')}; recorded: ${recordedMetrics(load).join(', ') || 'nothing'}`, {
    exitCode: 2,
  })
}

function printVerification(records: readonly TickRecord[]): void {
  const { compared, differences, startedLate } = verify(records)
  if (startedLate) hint('the first record is only where it starts from: what was remembered before it is not kept')
  print(`${counted(compared, 'decision')} taken again: ${differences.length === 0 ? 'all the same' : `${differences.length} differ`}\n`)
  for (const { time, field, recorded, replayed } of differences.slice(0, shownDifferences)) {
    print(`${time} ${field}: recorded ${recorded}, now ${replayed}\n`)
  }
  if (differences.length > 0) process.exitCode = 1
}
