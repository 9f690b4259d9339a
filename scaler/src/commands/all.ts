/** Every command of the scaler, in the order in which --help lists them. */
import { join, relative } from 'node:path'
import { root } from '@lab/host/root.ts'
import type { Command } from 'commander'
import { register as registerDescribe } from './describe.ts'
import { register as registerExplain } from './explain.ts'
import { register as registerExport } from './export.ts'
import { register as registerGet } from './get.ts'
import { register as registerPause } from './pause.ts'
import { register as registerReplay } from './replay.ts'
import { register as registerRun } from './run.ts'

const commands = [registerGet, registerDescribe, registerExplain, registerRun, registerPause, registerReplay, registerExport]

/** Adds all commands of the scaler to a program. */
export function registerAll(program: Command): void {
  for (const register of commands) register(program)
  program.hook('preAction', (_program, command) => pathsFromCheckout(command))
}

/**
 * Resolves file and folder options against the root of the checkout if their values are defaults or come from environment variables. Paths
 * on the command line stay relative to the current folder. Whether the value of an option is a path is derived from the placeholder in the
 * option's help text.
 */
function pathsFromCheckout(command: Command): void {
  const fromHere = (path: string) => relative(process.cwd(), join(root, path)) || '.'
  for (const option of command.options.filter(({ flags }) => /<(file|files\.\.\.|folder)>/.test(flags))) {
    const name = option.attributeName()
    const source = command.getOptionValueSource(name)
    if (source !== 'default' && source !== 'env') continue
    const value: unknown = command.getOptionValue(name)
    if (typeof value === 'string') command.setOptionValueWithSource(name, fromHere(value), source)
    else if (Array.isArray(value)) command.setOptionValueWithSource(name, value.map(String).map(fromHere), source)
  }
}
