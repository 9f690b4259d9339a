/** `explain`: prints how the scaler made its latest decisions. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { explainJson, explainText } from '../views/explain.ts'
import { viewsOf } from '../views/view.ts'
import { hint, nameArgument, paint, print, readRecordsOf, stateOption } from './log.ts'

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
    .addArgument(nameArgument())
    .addOption(new Option('--last <count>', 'number of decisions of each autoscaler, from the newest').default(1).argParser(countOf))
    .option('--changes', 'only decisions that change the number of replicas')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .addOption(stateOption())
    .action(explain)
}

async function explain(name: string | undefined, { state, last, changes, output }: ExplainOptions): Promise<void> {
  const records = viewsOf(await readRecordsOf(state, name)).flatMap((view) => view.records)
  const byName = Map.groupBy(
    records.filter(({ decision }) => !changes || decision.scaleTo !== null),
    ({ hpa }) => hpa.name,
  )
  const chosen = [...byName.values()].flatMap((own) => own.slice(-last)).sort((a, b) => (a.time < b.time ? -1 : 1))
  if (chosen.length === 0) hint(`none of the ${records.length} decisions in the log changes the number of replicas`)
  print(output === 'json' ? explainJson(chosen) : explainText(chosen, paint))
}

function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('Allowed are whole numbers from 1.')
  return count
}
