/** docs/cli.md, from the commands' own help and doctor's findings. */
import type { Command } from 'commander'
import { findingNames } from '../../cli/src/doctor/finding.ts'
import { createProgram } from '../../cli/src/program.ts'
import { code, heading, table } from './markdown.ts'

/** Of a terminal. */
const columns = 100

/** The page. */
export function cliPage(): string {
  const program = createProgram()
  const commands = program.commands.map((command) => `## lab ${command.name()}\n\n${helpOf(command)}`)
  const findings = Object.entries(findingNames).map(([name, meaning]) => [code(name), meaning])
  return `${heading('The command lab', 'cli/src')}
\`npx lab …\` after \`npm ci\`; \`npm run lab -- …\` is the same. It runs on the Node that the project brings along. Each command prints the
\`docker compose\` line that it runs, on standard error, so that the plain commands are learned; data goes to standard output, with
\`--json\` as one document. Asked for from any folder, it means the lab of its own checkout, with the variables of \`.env\`.

${table(
  ['Exit code', 'Meaning'],
  [
    ['0', 'fine'],
    ['1', 'error; doctor: blocked; status: nothing runs; load: a threshold was crossed, too; workshop check: something is missing'],
    ['2', 'wrong arguments; doctor: warnings only, too; workshop check: the lab does not run'],
  ],
)}

${commands.join('\n\n')}

## What doctor finds

Each finding has a name, under which \`--json\` shows it, and comes with what to do. \`lab up\` refuses to start where one blocks.

${table(['Name', 'Meaning'], findings)}
`
}

/** The help as a terminal shows it, and that of subcommands. */
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
