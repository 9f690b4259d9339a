/** The command `chaos`, which injects faults; see tools/chaos. */
export { register } from '@lab/chaos/command.ts'
