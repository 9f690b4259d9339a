/** Checks whether the `./lab` commands in documents exist. */
import { createProgram } from '@lab/cli/program.ts'
import type { Command } from 'commander'

const program = await createProgram()

/** Returns the arguments of each `./lab` command in a line, up to the end of that command. */
export function labCommandsIn(line: string): string[][] {
  return [...line.matchAll(/(?<![\w/])\.{1,2}\/lab((?: [^\s|&;<>)]+)*)/g)].map(([, words = '']) => words.split(' ').filter(Boolean))
}

/** Whether a command that has subcommands also accepts the given word as its first argument. */
function isArgument({ registeredArguments: [first] }: Command, word: string): boolean {
  try {
    first?.parseArg?.(word, undefined)
    return first !== undefined
  } catch {
    return false
  }
}

/** Returns error messages if a command or one of its options does not exist. Words in capitals are placeholders. */
export function labProblems(words: readonly string[]): string[] {
  let command = program
  let next = 0
  for (; next < words.length; next += 1) {
    const found = command.commands.find((one) => one.name() === words[next])
    if (found === undefined) break
    command = found
  }
  const word = words[next] ?? ''
  if (command.commands.length > 0 && /^[a-z]/.test(word) && !isArgument(command, word)) return ['no command']
  const known = ['--help', '--version', ...command.options.map(({ long }) => long)]
  const given = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/[=,.:].*$/, ''))
  return given.filter((word) => !known.includes(word)).map((word) => `no option ${word}`)
}
