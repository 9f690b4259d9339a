/** `npm run chaos -- FAULT`: the same as `lab chaos FAULT`. */
import { Command } from 'commander'
import { loadEnvFile } from '../scaler/src/env-file.ts'
import { registerChaos } from './command.ts'

loadEnvFile()
const program = new Command('lab')
registerChaos(program)
await program.parseAsync(['node', 'lab', 'chaos', ...process.argv.slice(2)])
