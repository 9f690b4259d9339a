/** `explain`: prints how the scaler made its latest decisions. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { explainJson, explainText } from '../views/explain.ts'
import { hint, paint, print, readRecords, stateOption } from './log.ts'

interface ExplainOptions {
  readonly state: string
  readonly last: number
  readonly changes?: true
  readonly output?: 'json'
}

export function register(program: Command): void {
  program
    .command('explain')
    .description('show how decisions were made: each metric, each step, and the limit that was applied')
    .addOption(new Option('--last <count>', 'number of decisions, from the newest').default(1).argParser(countOf))
    .option('--changes', 'only decisions that change the number of replicas')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .addOption(stateOption())
    .action(explain)
}

async function explain({ state, last, changes, output }: ExplainOptions): Promise<void> {
  const records = await readRecords(state)
  const chosen = records.filter(({ decision }) => !changes || decision.scaleTo !== null).slice(-last)
  if (chosen.length === 0) hint(`none of the ${records.length} decisions in the log changes the number of replicas`)
  print(output === 'json' ? explainJson(chosen) : explainText(chosen, paint))
}

function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('Allowed are whole numbers from 1.')
  return count
}
