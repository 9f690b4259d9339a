/** `replay`: simulates different settings under a recorded load, or verifies the recorded decisions. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { loadOf, missingMetrics, type RecordedLoad, recordedMetrics } from '../replay/load.ts'
import { observedRun, type Run, recordedRun, replay } from '../replay/replay.ts'
import { verify } from '../replay/verify.ts'
import { replayHtml } from '../views/replay-html.ts'
import { replayJson, replayTable } from '../views/replay-table.ts'
import { noteLines, notes } from '../views/view.ts'
import { counted } from '../views/words.ts'
import { hint, nameArgument, print, recordsNamed, stateOption } from './log.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions, readRecordedLoad } from './recorded-load.ts'
import { allRecordsOf, readSettings, recordsOf, textOf } from './recording.ts'

interface ReplayOptions extends RecordedLoadOptions {
  readonly state: string
  readonly from?: string
  readonly hpa?: readonly string[]
  readonly html?: string
  readonly verify?: true
  readonly output?: 'json'
}

/** Describes the main limitation of the replay model; scaler/src/replay/replay.ts lists all limitations. */
const modelNote =
  'This is a model: it distributes the recorded load evenly over the replicas that would have been ready. Real sockets do not move, so a new replica gets its load more slowly.'
const shownDifferences = 10

export function register(program: Command): void {
  const command = program
    .command('replay')
    .description('simulate other settings with a recorded load, and report the replica curve, over-capacity, time above target and changes')
    .addArgument(nameArgument('the only one'))
    .option('--from <source>', "a decision log, or prometheus (default: the scaler's log)")
    .option(
      '--hpa <file>',
      'HorizontalPodAutoscaler to simulate; may be given several times',
      (file: string, files: readonly string[] = []) => [...files, file],
    )
    .option('--html <file>', 'also write a plot to this file')
    .addOption(new Option('-o, --output <format>', 'output format of the figures').choices(['json']))
    .addOption(new Option('--verify', 'repeat every recorded decision; exit code 1 if any differs').conflicts(['html', 'output']))
    .addOption(stateOption())
  addRecordedLoadOptions(command).action(async (name: string | undefined, options: ReplayOptions) => run(name, options, program))
}

interface Settings {
  readonly file: string
  readonly hpa: HorizontalPodAutoscaler
}

async function run(name: string | undefined, options: ReplayOptions, program: Command): Promise<void> {
  const files = options.hpa ?? []
  if (options.verify !== true && files.length === 0) program.error('error: give settings with --hpa FILE, or use --verify', { exitCode: 2 })
  if (options.verify === true && files.length > 0)
    program.error('error: --verify uses the recorded settings: leave out --hpa', { exitCode: 2 })
  if (options.verify === true && options.from === 'prometheus')
    program.error('error: --verify needs a decision log, because Prometheus has no recorded decisions', { exitCode: 2 })
  if (options.verify) return printVerification(recordsNamed(await allRecordsOf(options, program), name))

  const records = options.from === 'prometheus' ? [] : await recordsOf(name, options, program)
  const chosen = name ?? records.at(-1)?.hpa.name
  const settings = await Promise.all(files.map(async (file) => ({ file, hpa: await readSettings(file, chosen, program) })))
  const { recorded, load, timeScale } = await recordingOf(records, options, settings, program)
  for (const { file, hpa } of settings) checkMetrics(file, hpa, load, program)
  const runs: Run[] = [...recorded(), ...settings.map(({ file, hpa }) => replay(file, hpa, load))]
  const marks = { timeScale, paused: false }
  print(options.output === 'json' ? replayJson(runs, timeScale) : `${noteLines(marks)}${replayTable(runs)}`)
  hint(modelNote)
  if (options.html === undefined) return
  await writeFile(options.html, replayHtml(runs, { notes: [...notes(marks), modelNote] }))
  hint(`plot: ${options.html}`)
}

/** A recorded load, and the rows that show the recorded decisions in the comparison table. */
interface Recording {
  readonly recorded: () => Run[]
  readonly load: RecordedLoad
  readonly timeScale: number
}

async function recordingOf(
  records: readonly TickRecord[],
  options: ReplayOptions,
  settings: readonly Settings[],
  program: Command,
): Promise<Recording> {
  if (options.from === 'prometheus') {
    const metrics = settings.flatMap(({ hpa }) => hpa.metrics)
    const load = loadOf(await readRecordedLoad(options, metrics, program, (file) => textOf(file, program)))
    const [first] = settings
    const recorded = () => (first === undefined ? [] : [observedRun(`recorded, targets of ${first.file}`, first.hpa.metrics, load)])
    return { recorded, load, timeScale: options.timeScale }
  }
  const load = loadOf(records)
  const run = recordedRun('recorded', records, load)
  if (run === null) throw new Error('the recording has no decision')
  return { recorded: () => [run, replay('recorded, modelled', run.hpa, load)], load, timeScale: records.at(-1)?.timeScale ?? 1 }
}

function checkMetrics(file: string, { metrics }: HorizontalPodAutoscaler, load: RecordedLoad, program: Command): void {
  const missing = missingMetrics(metrics, load)
  if (missing.length === 0) return
  program.error(`error: ${file}: not in the recording: ${missing.join(', ')}; recorded: ${recordedMetrics(load).join(', ') || 'nothing'}`, {
    exitCode: 2,
  })
}

/** Verifies the records of each autoscaler, because every autoscaler has a memory of its own. */
function printVerification(records: readonly TickRecord[]): void {
  const all = [...Map.groupBy(records, ({ hpa }) => hpa.name).values()].map(verify)
  const compared = all.reduce((sum, one) => sum + one.compared, 0)
  const differences = all.flatMap((one) => one.differences)
  if (all.some(({ startedLate }) => startedLate))
    hint('the first record is not verified, because the log no longer has the state before it')
  print(`${counted(compared, 'decision')} repeated: ${differences.length === 0 ? 'all equal' : `${differences.length} differ`}\n`)
  for (const { time, field, recorded, replayed } of differences.slice(0, shownDifferences)) {
    print(`${time} ${field}: recorded ${recorded}, now ${replayed}\n`)
  }
  if (differences.length > 0) process.exitCode = 1
}
