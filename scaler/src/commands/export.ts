/** `export`: prints the recorded decisions as a conformance case, which a program that runs Kubernetes' HPA controller can replay. */
import { isDeepStrictEqual } from 'node:util'
import type { Result } from '@lab/contract/result.ts'
import type { Command } from 'commander'
import { pathsIn, readLiveFiles } from '../live-files.ts'
import { scenarioOfLoad, scenarioOfLog } from '../replay/export.ts'
import { counted } from '../views/words.ts'
import { hint, nameArgument, print, stateOption } from './log.ts'
import { hpaOption } from './options.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions, readRecordedLoad } from './recorded-load.ts'
import { recordsOf, textOf } from './recording.ts'

interface ExportOptions extends RecordedLoadOptions {
  readonly state: string
  readonly from?: string
  readonly hpa: string
}

export function register(program: Command): void {
  const command = program
    .command('export')
    .description('print a recording as a conformance case, with times in milliseconds and the text of the HPA file')
    .addArgument(nameArgument('the only one'))
    .option('--from <source>', "a decision log, or prometheus (default: the scaler's log)")
    .addOption(hpaOption())
    .addOption(stateOption())
  addRecordedLoadOptions(command).action(async (name: string | undefined, options: ExportOptions) => {
    const scenario = options.from === 'prometheus' ? await fromPrometheus(name, options, program) : await fromLog(name, options, program)
    print(`${JSON.stringify(scenario)}\n`)
  })
}

async function fromLog(name: string | undefined, options: ExportOptions, program: Command) {
  const records = await recordsOf(name, options, program)
  const { hpa, hpaYaml } = await settingsOf(records.at(-1)?.hpa.name, options, program)
  const unchanged = hpaYaml !== undefined && isDeepStrictEqual(hpa, records.at(-1)?.hpa)
  if (!unchanged) hint(`${options.hpa} differs from the recorded autoscaler, so the case does not contain the text of the file`)
  const source = `decision log ${records[0]?.time} to ${records.at(-1)?.time}`
  const { scenario, leftOut } = accepted(scenarioOfLog(records, { id: 'recorded', source, ...(unchanged && { hpaYaml }) }), program)
  const note = leftOut === 0 ? '' : `; ${leftOut} are left out, because a controller could not repeat them without interruption`
  hint(`${counted(scenario.steps.length, 'decision')} exported${note}`)
  return scenario
}

async function fromPrometheus(name: string | undefined, options: ExportOptions, program: Command) {
  const { hpa, hpaYaml } = await settingsOf(name, options, program)
  const load = await readRecordedLoad(options, hpa.metrics, program, (file) => textOf(file, program))
  hint('Prometheus has no recorded decisions, so the case has no expected results')
  return accepted(
    scenarioOfLoad(load, hpa, { id: 'recorded', source: `Prometheus at ${options.prometheus}`, ...(hpaYaml !== undefined && { hpaYaml }) }),
    program,
  )
}

/**
 * Returns the named or only autoscaler in the HPA files, with the text of its file. A conformance case has room for a single autoscaler, so
 * the text is undefined if the file has several.
 */
async function settingsOf(name: string | undefined, options: ExportOptions, program: Command) {
  const read = await readLiveFiles({ hpa: pathsIn(options.hpa), metricMap: options.metricMap })
  if (!read.ok) return program.error(read.problems.join('\n'), { exitCode: 2 })
  const { autoscalers } = read.value
  const found = autoscalers.length === 1 ? autoscalers[0] : autoscalers.find(({ hpa }) => hpa.name === name)
  const names = autoscalers.map(({ hpa }) => hpa.name).join(', ')
  if (found === undefined) return program.error(`error: ${options.hpa} has the autoscalers ${names}; name one of them`, { exitCode: 2 })
  const isAlone = autoscalers.filter(({ file }) => file === found.file).length === 1
  return { hpa: found.hpa, hpaYaml: isAlone ? await textOf(found.file, program) : undefined }
}

function accepted<T>(result: Result<T>, program: Command): T {
  return result.ok ? result.value : program.error(`error: ${result.problems.join('\n')}`, { exitCode: 1 })
}
