/** `get hpa`: prints the autoscaler on one line, in kubectl's format. The `watch` command is equivalent to `get hpa -w`. */
import { stat } from 'node:fs/promises'
import { setInterval } from 'node:timers/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import { decisionLogPath, readDecisionLog } from '../decision-log.ts'
import { getName, getTable, WatchRows, watchKey } from '../views/get.ts'
import { getJson, getYaml, v2Object } from '../views/object.ts'
import type { View } from '../views/view.ts'
import { viewOf } from '../views/view.ts'
import { hpaArgument, print, readView, stateOption } from './log.ts'

interface GetOptions {
  readonly state: string
  readonly watch?: true
  readonly output?: 'wide' | 'json' | 'yaml' | 'name'
}

/** Interval at which `get hpa --watch` checks the decision log for changes, in milliseconds. */
const pollMs = 500

export function register(program: Command): void {
  program
    .command('get')
    .description('show the autoscaler in the same columns as kubectl')
    .addArgument(hpaArgument())
    .argument('[name]', 'name of the autoscaler')
    .option('-w, --watch', 'keep running, and print a line for each change')
    .addOption(outputOption())
    .addOption(stateOption())
    .action(async (_resource: string, name: string | undefined, options: GetOptions) => get(name, options))
  program
    .command('watch')
    .description('the same as get hpa -w')
    .addArgument(hpaArgument().argOptional())
    .argument('[name]', 'name of the autoscaler')
    .addOption(outputOption())
    .addOption(stateOption())
    .action(async (_resource: string | undefined, name: string | undefined, options: GetOptions) => get(name, { ...options, watch: true }))
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'output format').choices(['wide', 'json', 'yaml', 'name'])
}

async function get(name: string | undefined, options: GetOptions): Promise<void> {
  const view = await readView(options.state, name)
  if (options.watch) return watch(options)
  print(textOf(view, options.output))
}

function textOf(view: View, output: GetOptions['output']): string {
  switch (output) {
    case 'json':
      return getJson(view)
    case 'yaml':
      return getYaml(view)
    case 'name':
      return getName(view)
    default:
      return getTable(view, Date.now(), output === 'wide')
  }
}

/**
 * Prints each change in the autoscaler's state until standard output is closed or the process ends. While watching, the command prints one
 * line of JSON or one YAML document per change.
 */
async function watch({ state, output }: GetOptions): Promise<void> {
  const gone = new AbortController()
  process.stdout.once('error', () => gone.abort())
  const rows = new WatchRows(output === 'wide')
  const path = decisionLogPath(state)
  let seen = ''
  let lastKey = ''
  const show = async (): Promise<void> => {
    const { size, mtimeMs } = await stat(path)
    if (seen === `${size} ${mtimeMs}`) return
    seen = `${size} ${mtimeMs}`
    const records = await readDecisionLog(path)
    if (output === undefined || output === 'wide') return print(rows.next(records, Date.now()))
    const view = viewOf(records)
    if (view === null || watchKey(view) === lastKey) return
    lastKey = watchKey(view)
    print(output === 'json' ? `${JSON.stringify(v2Object(view))}\n` : `${output === 'yaml' ? '---\n' : ''}${textOf(view, output)}`)
  }
  await show()
  try {
    for await (const _ of setInterval(pollMs, undefined, { signal: gone.signal })) await show()
  } catch (error) {
    if (!gone.signal.aborted) throw error
  }
}
