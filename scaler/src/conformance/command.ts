/**
 * `conformance`: runs the bundled cases, or prints the engine's answers to other cases. Exit codes: 0 for success, 1 when a bundled
 * case fails, 2 for invalid arguments or input.
 */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { stringifyExactly } from './exact-json.ts'

interface Options {
  readonly answers?: string
  readonly specs?: string
  readonly yaml?: string
}

/** Adds `conformance` to a program. */
export function register(program: Command): void {
  program
    .command('conformance')
    .description("repeat the bundled decisions of Kubernetes' HPA controller; exit code 1 if a case fails")
    .addOption(
      new Option('--answers <file>', "print the scaler's decisions for the scenarios in a file, as JSON lines").conflicts([
        'specs',
        'yaml',
      ]),
    )
    .addOption(new Option('--specs <file>', 'print the validation results for the HPA specs in a file, as JSON lines').conflicts('yaml'))
    .addOption(
      new Option(
        '--yaml <file>',
        'print the validation results for a file with lines {"id","yaml"}, each of which contains the text of an HPA manifest',
      ),
    )
    .addHelpText('after', '\nExamples:\n  ./lab conformance\n  ./lab conformance --answers scaler/conformance/public.jsonl\n')
    .action(async (options: Options, command: Command) => {
      const { InputError } = await import('./cases.ts')
      try {
        const { output, exitCode } = await run(options)
        process.stdout.write(output)
        process.exitCode = exitCode
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        command.error(`error: ${error.message}`, { exitCode: 2 })
      }
    })
}

/** Runs the command. Returns the output for stdout and the exit code. */
async function run({ answers, specs, yaml }: Options): Promise<{ output: string; exitCode: number }> {
  const { scenarioSchema, specCaseSchema, yamlCaseSchema } = await import('./cases.ts')
  const { readBundledCases, readLines } = await import('./files.ts')
  const { checkSpec, checkYaml, replayScenario } = await import('./replay.ts')
  if (answers !== undefined) return jsonLines((await readLines(resolve(answers), scenarioSchema)).map(replayScenario))
  if (specs !== undefined) return jsonLines((await readLines(resolve(specs), specCaseSchema)).map(checkSpec))
  if (yaml !== undefined) return jsonLines((await readLines(resolve(yaml), yamlCaseSchema)).map(checkYaml))
  const { reportText, runAll } = await import('./run.ts')
  const report = runAll(await readBundledCases())
  return { output: reportText(report), exitCode: report.failures.length === 0 ? 0 : 1 }
}

function jsonLines(records: readonly unknown[]): { output: string; exitCode: number } {
  return { output: records.map((record) => `${stringifyExactly(record)}\n`).join(''), exitCode: 0 }
}
