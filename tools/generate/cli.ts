/** Generates docs/cli.md from the help text of all commands and from the findings that `doctor` can report. */

import { findingNames } from '@lab/cli/doctor/finding.ts'
import { createProgram } from '@lab/cli/program.ts'
import { code, heading, table } from '@lab/host/markdown.ts'
import type { Command, Help } from 'commander'

/** Width of the help text, in characters. */
const columns = 100

const program = await createProgram()

/** Renders the command-line page as Markdown. */
export function cliPage(): string {
  const commands = program.commands.map((command) => `## lab ${command.name()}\n\n${helpOf(command)}`)
  const findings = Object.entries(findingNames).map(([name, meaning]) => [code(name), meaning])
  return `${heading('The command lab', 'tools/cli/src')}
After \`npm ci\`, type \`./lab …\` in the root folder of the checkout. From another folder, use the path of the command, such as
\`../lab …\`, or a symbolic link to it. On Windows, type \`.\\lab …\`. \`./lab\` always acts on the lab of its own checkout, uses the variables in
\`.env\`, and runs on the Node 24 that the project installs. Commands that use Docker print each \`docker\` command that they run to
standard error, so that users can learn the underlying commands. All commands write their data to standard output; with \`--json\`, the
output is a single JSON document.

${table(
  ['Exit code', 'Meaning'],
  [
    ['0', 'as expected'],
    [
      '1',
      'the result is not as expected, or an error occurred; doctor: the lab cannot run; status: the lab is not running; load: a threshold was crossed; workshop check: the step is incomplete',
    ],
    [
      '2',
      'the command could not run, for example because of invalid arguments; doctor: the lab can run, with warnings; workshop check: the lab is not running',
    ],
    ['130', 'the command was interrupted, and its changes were undone'],
  ],
)}

${groupsOf(program)}

${commands.join('\n\n')}

## Findings of doctor

Each finding of \`./lab doctor\` has a remedy, and a name that appears in the output of \`--json\`. \`./lab up\` does not start the lab if
\`./lab doctor\` has a blocking finding.

${table(['Name', 'Meaning'], findings)}
`
}

/** Renders a table of all commands, grouped as in `--help`. */
function groupsOf(all: Command): string {
  const help: Help = all.createHelp()
  const rows = help
    .visibleCommands(all)
    .filter((command) => command.name() !== 'help')
    .map((command) => [command.helpGroup().replace(/:$/, ''), `[\`./lab ${command.name()}\`](#lab-${command.name()})`, command.summary()])
  return table(['Group', 'Command', 'Purpose'], rows)
}

/** Returns a command's help text as a terminal shows it, followed by that of its subcommands. */
function helpOf(command: Command): string {
  const parts: string[] = []
  command.configureOutput({ getOutHelpWidth: () => columns, writeOut: (part) => parts.push(part), getOutHasColors: () => false })
  command.outputHelp()
  const own = `\`\`\`text\n${parts.join('').trim()}\n\`\`\``
  const below = command.commands
    .filter((sub) => sub.name() !== 'help')
    .map((sub) => `### lab ${command.name()} ${sub.name()}\n\n${helpOf(sub)}`)
  return [own, ...below].join('\n\n')
}
