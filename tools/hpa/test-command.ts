/** Implements `./lab hpa test`. */
import { writeFileSync } from 'node:fs'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { examples } from '@lab/host/arguments.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions, readRecordedLoad } from '@lab/scaler/commands/recorded-load.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { parseRecords } from '@lab/scaler/read-records.ts'
import { loadOf, missingMetrics } from '@lab/scaler/replay/load.ts'
import { type Command, Option } from 'commander'
import { textOf } from './context.ts'
import { type Autoscaler, autoscalersAmong } from './core/autoscalers.ts'
import { objectsIn } from './core/documents.ts'
import { type Expectations, readExpectations } from './core/expectations.ts'
import { judge } from './core/judge.ts'
import { loadOfCurves, nameOf, type Played } from './core/load-curve.ts'
import { play } from './core/play.ts'
import { type TestResult, testJson, testJunit, testSvg, testText } from './core/report.ts'
import { accepted } from './lint-command.ts'

interface Flags extends RecordedLoadOptions {
  from?: string
  svg?: string
  output?: 'json' | 'junit'
}

/** Adds the `test` command. */
export function registerTest(hpa: Command): void {
  const command = hpa
    .command('test')
    .description('replay a load with the settings of an HPA file, and compare the number of replicas with expectations')
    .argument('<file>', 'YAML file with a HorizontalPodAutoscaler, or a ScaledObject of KEDA')
    .argument('<expectations...>', 'YAML files with a load and expectations')
    .option('--from <source>', 'replay the load of a decision log, or of prometheus, instead of the load in the file')
    .option(
      '--svg <file>',
      'also draw the replica curve to this file: of the first file with an unmet expectation, or else of the first file',
    )
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json', 'junit']))
  addRecordedLoadOptions(command)
    .addHelpText('after', '\nExit codes: 0 all expectations are met, 1 an expectation is not met, 2 a file is invalid or cannot be read.')
    .addHelpText(
      'after',
      examples(
        './lab hpa test scaler/hpa.yaml tools/hpa/examples/lab.test.yaml',
        './lab hpa test hpa.yaml expectations.yaml -o junit > report.xml',
        './lab hpa test hpa.yaml expectations.yaml --from decisions.jsonl --svg curve.svg',
      ),
    )
    .action(async (file: string, expectations: string[], flags: Flags, self: Command) => {
      const results: TestResult[] = []
      for (const name of expectations) results.push(await resultOf(file, name, flags, self))
      const format = { json: testJson, junit: testJunit, text: testText }[flags.output ?? 'text']
      process.stdout.write(format(results))
      const failed = results.find(({ verdicts }) => verdicts.some(({ met }) => !met))
      const drawn = failed ?? results[0]
      if (flags.svg !== undefined && drawn !== undefined) writeFileSync(flags.svg, testSvg(drawn))
      process.exitCode = failed === undefined ? exitCodes.ok : exitCodes.failed
    })
}

async function resultOf(file: string, name: string, flags: Flags, command: Command): Promise<TestResult> {
  const { expectations, hpa, activation, load, omitted } = accepted(await playedLoad(file, name, flags, command), command)
  const startedAtMs = performance.now()
  const points = play(file, hpa, load, activation)
  const verdicts = judge(expectations?.expect ?? [], points)
  return { hpa: file, expectations: name, verdicts, points, omitted, milliseconds: performance.now() - startedAtMs }
}

/** Returns the autoscaler of a file, and the load of a recording or of an expectation file. @param name the expectation file */
export async function playedLoad(
  file: string,
  name: string | undefined,
  flags: Pick<Flags, 'from'> & RecordedLoadOptions,
  command: Command,
): Promise<Result<Played & Pick<Autoscaler, 'activation'> & { readonly expectations: Expectations | undefined }>> {
  const expectations = name === undefined ? undefined : accepted(readExpectations(accepted(textOf(name), command), name), command)
  const { hpa, activation } = accepted(autoscalerOf(file, expectations?.hpa), command)
  const curves = expectations !== undefined && flags.from === undefined
  const played = curves ? loadOfCurves(expectations, hpa, defaultControllerOptions, name ?? '') : await recordedLoad(hpa, flags, command)
  return played.ok ? success({ ...played.value, expectations, ...(activation && { activation }) }) : played
}

/** Returns the autoscaler of a file, or the one with the given name if the file has several. */
export function autoscalerOf(file: string, name: Expectations['hpa']): Result<Autoscaler> {
  const text = textOf(file)
  if (!text.ok) return text
  const objects = objectsIn(text.value, file)
  if (!objects.ok) return objects
  const read = autoscalersAmong(objects.value, text.value, file)
  if (!read.ok) return read
  const names = read.value.map(({ hpa }) => hpa.name)
  const [chosen, second] = read.value.filter(({ hpa }) => name === undefined || hpa.name === name)
  if (chosen !== undefined && second === undefined) return success(chosen)
  return failure(
    chosen === undefined
      ? `${file}: has no autoscaler ${name}; allowed are ${names.join(', ')}`
      : `${file}: has several autoscalers; set hpa in the expectation file to one of ${names.join(', ')}`,
  )
}

/** Returns the load of a decision log or of Prometheus. */
async function recordedLoad(
  hpa: HorizontalPodAutoscaler,
  { from = '', ...options }: Pick<Flags, 'from'> & RecordedLoadOptions,
  command: Command,
): Promise<Result<Played>> {
  const read = async (file: string) => accepted(textOf(file), command)
  const records = from === 'prometheus' ? undefined : parseRecords(await read(from), from)
  if (records?.ok === false) return records
  const load = loadOf(records?.value ?? (await readRecordedLoad(options, hpa.metrics, command, read)))
  if (load.ticks.length === 0) return failure(`${from}: has no decision`)
  const missing = missingMetrics(hpa.metrics, load)
  if (missing.length > 0)
    return failure(`${from}: the load has no values for ${missing.join(', ')}, which the HPA uses (${hpa.metrics.map(nameOf).join(', ')})`)
  return success({ hpa, load, omitted: [] })
}
