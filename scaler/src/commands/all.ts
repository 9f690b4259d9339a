/** Registers all scaler commands, in the order in which --help lists them. */
import { isAbsolute, join, relative } from 'node:path'
import { root } from '@lab/host/root.ts'
import type { Command } from 'commander'
import { pathsIn } from '../live-files.ts'
import { register as registerDescribe } from './describe.ts'
import { register as registerDiff } from './diff.ts'
import { register as registerExplain } from './explain.ts'
import { register as registerExport } from './export.ts'
import { register as registerGet } from './get.ts'
import { register as registerPause } from './pause.ts'
import { register as registerReplay } from './replay.ts'
import { register as registerRun } from './run.ts'

const commands = [registerGet, registerDescribe, registerExplain, registerDiff, registerRun, registerPause, registerReplay, registerExport]

/** Adds all scaler commands to a program. */
export function registerAll(program: Command): void {
  for (const register of commands) register(program)
  program.hook('preAction', (_program, command) => pathsFromCheckout(command))
}

/**
 * Resolves file and folder options relative to the root of the checkout if their values are defaults or come from environment variables.
 * Paths on the command line remain relative to the current folder. The placeholder in an option's help text shows whether its value is a
 * path.
 */
function pathsFromCheckout(command: Command): void {
  const fromHere = (path: string) => relative(process.cwd(), isAbsolute(path) ? path : join(root, path)) || '.'
  for (const option of command.options.filter(({ flags }) => /<(file|files\.\.\.|folder|paths)>/.test(flags))) {
    const name = option.attributeName()
    const source = command.getOptionValueSource(name)
    if (source !== 'default' && source !== 'env') continue
    const value: unknown = command.getOptionValue(name)
    if (option.flags.includes('<paths>')) {
      // In a container, the HPA files are in a folder of their own, next to the scaler's code.
      const folder = process.env.SCALER_HPA_FOLDER ?? ''
      const paths = pathsIn(String(value)).map((path) => fromHere(isAbsolute(path) ? path : join(folder, path)))
      command.setOptionValueWithSource(name, paths.join(','), source)
    } else if (typeof value === 'string') command.setOptionValueWithSource(name, fromHere(value), source)
    else if (Array.isArray(value)) command.setOptionValueWithSource(name, value.map(String).map(fromHere), source)
  }
}
