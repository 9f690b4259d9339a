/** Finds optional programs that only some tests need. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Returns the path of a program in PATH. If there is none, prints a line that says what is therefore not tested, and returns undefined. */
export function optionalProgram(name: string, tests: string): string | undefined {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(existsSync)
  if (found === undefined) console.warn(`\nNOT TESTED HERE: ${tests}, because the program ${name} is not installed\n`)
  return found
}
