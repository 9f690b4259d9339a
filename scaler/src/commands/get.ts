/** `get hpa`: prints the autoscaler on one line, in kubectl's format. The `watch` command is equivalent to `get hpa -w`. */
import { stat } from 'node:fs/promises'
import { setInterval } from 'node:timers/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import { readScalers } from '../adapters/lease-file.ts'
import { decisionLogPath, readDecisionLog } from '../decision-log.ts'
import { getName, getTable, WatchRows, watchKey } from '../views/get.ts'
import { getJson, getYaml, v2Object } from '../views/object.ts'
import type { View } from '../views/view.ts'
import { viewsOf } from '../views/view.ts'
import { hpaArgument, nameArgument, print, readViews, recordsNamed, stateOption } from './log.ts'

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
    .description('show the autoscalers in the same columns as kubectl')
    .addArgument(hpaArgument())
    .addArgument(nameArgument())
    .option('-w, --watch', 'keep running, and print a line for each change')
    .addOption(outputOption())
    .addOption(stateOption())
    .action(async (_resource: string, name: string | undefined, options: GetOptions) => get(name, options))
  program
    .command('watch')
    .description('the same as get hpa -w')
    .addArgument(hpaArgument().argOptional())
    .addArgument(nameArgument())
    .addOption(outputOption())
    .addOption(stateOption())
    .action(async (_resource: string | undefined, name: string | undefined, options: GetOptions) => get(name, { ...options, watch: true }))
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'output format').choices(['wide', 'json', 'yaml', 'name'])
}

async function get(name: string | undefined, options: GetOptions): Promise<void> {
  const views = await readViews(options.state, name)
  if (options.watch) return watch(name, options)
  const isTable = options.output === undefined || options.output === 'wide'
  const { acting, standingBy } = await readScalers(options.state, Date.now() / 1000)
  if (isTable && standingBy !== undefined) print(`# ${standingBy} stands by, because ${acting ?? 'another scaler'} scales this project\n`)
  print(textOf(views, options.output))
}

function textOf(views: readonly View[], output: GetOptions['output']): string {
  switch (output) {
    case 'json':
      return getJson(...views)
    case 'yaml':
      return getYaml(...views)
    case 'name':
      return views.map(getName).join('')
    default:
      return getTable(views, Date.now(), output === 'wide')
  }
}

/**
 * Prints each change in an autoscaler's state until standard output is closed or the process ends. While watching, the command prints one
 * line of JSON or one YAML document per change.
 */
async function watch(name: string | undefined, { state, output }: GetOptions): Promise<void> {
  const gone = new AbortController()
  process.stdout.once('error', () => gone.abort())
  const rows = new WatchRows(output === 'wide')
  const path = decisionLogPath(state)
  let seen = ''
  const lastKeys = new Map<string, string>()
  const show = async (): Promise<void> => {
    const { size, mtimeMs } = await stat(path)
    if (seen === `${size} ${mtimeMs}`) return
    seen = `${size} ${mtimeMs}`
    const views = viewsOf(recordsNamed(await readDecisionLog(path), name))
    if (output === undefined || output === 'wide') return print(rows.next(views, Date.now()))
    for (const view of views) {
      const key = watchKey(view)
      if (key === lastKeys.get(view.hpa.name)) continue
      lastKeys.set(view.hpa.name, key)
      print(output === 'json' ? `${JSON.stringify(v2Object(view))}\n` : `${output === 'yaml' ? '---\n' : ''}${textOf([view], output)}`)
    }
  }
  await show()
  try {
    for await (const _ of setInterval(pollMs, undefined, { signal: gone.signal })) await show()
  } catch (error) {
    if (!gone.signal.aborted) throw error
  }
}
