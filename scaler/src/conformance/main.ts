/**
 * npm run conformance                          the bundled cases: passed/total; exit 1 when anything fails
 * npm run --silent conformance -- --answers F  the engine's answers to a file of scenarios, as JSON lines
 * npm run --silent conformance -- --specs F    the verdict on a file of specifications, as JSON lines
 *
 * Exit codes: 0 done, 1 a bundled case fails, 2 bad arguments or input.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { InputError, scenarioSchema, specCaseSchema } from './cases.ts'
import { readBundledCases, readLines } from './files.ts'
import { checkSpec, replayScenario } from './replay.ts'
import { reportText, runAll } from './run.ts'

const usage = 'usage: npm run --silent conformance -- [--answers FILE | --specs FILE]'

/** What goes to stdout, and the exit code. */
async function main(args: readonly string[]): Promise<{ output: string; exitCode: number }> {
  const { answers, specs } = parseArguments(args)
  if (answers !== undefined) return jsonLines((await readLines(fromShell(answers), scenarioSchema)).map(replayScenario))
  if (specs !== undefined) return jsonLines((await readLines(fromShell(specs), specCaseSchema)).map(checkSpec))
  const report = runAll(await readBundledCases())
  return { output: reportText(report), exitCode: report.failures.length === 0 ? 0 : 1 }
}

/** npm runs scripts in the project's root; a relative path means the folder the user is in. */
function fromShell(file: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), file)
}

function parseArguments(args: readonly string[]): { answers?: string | undefined; specs?: string | undefined } {
  const options = { answers: { type: 'string' }, specs: { type: 'string' } } as const
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true })
    if (values.answers !== undefined && values.specs !== undefined) throw new Error('--answers and --specs exclude each other')
    return values
  } catch (error) {
    throw new InputError(`${error instanceof Error ? error.message : String(error)}; ${usage}`)
  }
}

function jsonLines(records: readonly unknown[]): { output: string; exitCode: number } {
  return { output: records.map((record) => `${JSON.stringify(record)}\n`).join(''), exitCode: 0 }
}

try {
  const { output, exitCode } = await main(process.argv.slice(2))
  process.stdout.write(output)
  process.exitCode = exitCode
} catch (error) {
  if (!(error instanceof InputError)) throw error
  process.stderr.write(`conformance: ${error.message}\n`)
  process.exitCode = 2
}
