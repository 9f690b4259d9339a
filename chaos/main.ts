/** `npm run chaos -- FAULT`: the same as `lab chaos FAULT`. */
import { Command } from 'commander'
import { registerChaos } from './command.ts'

const program = new Command('lab')
registerChaos(program)
await program.parseAsync(['node', 'lab', 'chaos', ...process.argv.slice(2)])
