/** All commands of the CLI, in the order in which --help lists them. */
import { Command } from 'commander'
import { register as registerChaos } from './commands/chaos.ts'
import { register as registerDoctor } from './commands/doctor.ts'
import { register as registerDown } from './commands/down.ts'
import { register as registerImages } from './commands/images.ts'
import { register as registerLoad } from './commands/load.ts'
import { register as registerLogs } from './commands/logs.ts'
import { register as registerNuke } from './commands/nuke.ts'
import { register as registerOpen } from './commands/open.ts'
import { register as registerReport } from './commands/report.ts'
import { register as registerScale } from './commands/scale.ts'
import { register as registerStatus } from './commands/status.ts'
import { register as registerUp } from './commands/up.ts'
import { register as registerWorkshop } from './commands/workshop.ts'

const commands = [
  registerDoctor,
  registerUp,
  registerStatus,
  registerOpen,
  registerLoad,
  registerScale,
  registerChaos,
  registerLogs,
  registerDown,
  registerNuke,
  registerReport,
  registerImages,
  registerWorkshop,
]

/** The command tree; nothing runs before `parseAsync`. */
export function createProgram(): Command {
  const program = new Command('lab')
    .description('The WebSocket scaling lab in one command. Each prints the docker compose line that it runs.')
    .helpOption('-h, --help', 'say what a command does, with examples')
    .exitOverride()
    .showHelpAfterError('(--help lists what is allowed)')
    .addHelpText(
      'after',
      `
Exit codes: 0 fine, 1 error, 2 usage. \`lab doctor\`: 0 fine, 1 blocked, 2 warnings only.

Examples:
  lab doctor                 can it run here?
  lab up                     start it
  lab load 1000              open a thousand sockets for a minute
  lab scale 5                have five replicas
  lab down                   stop it, keep its data
`,
    )
  for (const register of commands) register(program)
  return program
}
