/** `export`: prints the recorded decisions as a conformance case, which a program that runs Kubernetes' HPA controller can replay. */
import { isDeepStrictEqual } from 'node:util'
import type { Result } from '@lab/contract/result.ts'
import type { Command } from 'commander'
import { Option } from 'commander'
import { scenarioOfLoad, scenarioOfLog } from '../replay/export.ts'
import { counted } from '../views/words.ts'
import { hint, print, stateOption } from './log.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions, readRecordedLoad } from './recorded-load.ts'
import { readSettings, recordsOf, textOf } from './recording.ts'

interface ExportOptions extends RecordedLoadOptions {
  readonly state: string
  readonly from?: string
  readonly hpa: string
}

export function register(program: Command): void {
  const command = program
    .command('export')
    .description('print a recording as a conformance case, with times in milliseconds and the text of the HPA file')
    .option('--from <source>', "a decision log, or prometheus (default: the scaler's log)")
    .addOption(new Option('--hpa <file>', 'file with the recorded HorizontalPodAutoscaler').env('SCALER_HPA').default('scaler/hpa.yaml'))
    .addOption(stateOption())
  addRecordedLoadOptions(command).action(async (options: ExportOptions) => {
    const scenario = options.from === 'prometheus' ? await fromPrometheus(options, program) : await fromLog(options, program)
    print(`${JSON.stringify(scenario)}\n`)
  })
}

async function fromLog(options: ExportOptions, program: Command) {
  const records = await recordsOf(options, program)
  const hpaYaml = await textOf(options.hpa, program)
  const unchanged = isDeepStrictEqual(await readSettings(options.hpa, program), records.at(-1)?.hpa)
  if (!unchanged) hint(`${options.hpa} differs from the recorded autoscaler, so the case does not contain the text of the file`)
  const source = `decision log ${records[0]?.time} to ${records.at(-1)?.time}`
  const { scenario, leftOut } = accepted(scenarioOfLog(records, { id: 'recorded', source, ...(unchanged && { hpaYaml }) }), program)
  const note = leftOut === 0 ? '' : `; ${leftOut} are left out, because a controller could not repeat them without interruption`
  hint(`${counted(scenario.steps.length, 'decision')} exported${note}`)
  return scenario
}

async function fromPrometheus(options: ExportOptions, program: Command) {
  const [hpa, hpaYaml] = [await readSettings(options.hpa, program), await textOf(options.hpa, program)]
  const load = await readRecordedLoad(options, hpa.metrics, program, (file) => textOf(file, program))
  hint('Prometheus has no recorded decisions, so the case has no expected results')
  return accepted(scenarioOfLoad(load, hpa, { id: 'recorded', source: `Prometheus at ${options.prometheus}`, hpaYaml }), program)
}

function accepted<T>(result: Result<T>, program: Command): T {
  return result.ok ? result.value : program.error(`error: ${result.problems.join('\n')}`, { exitCode: 1 })
}
