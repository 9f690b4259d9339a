/** Implements the `chaos` command, which injects faults; see tools/chaos. */
export { register } from '@lab/chaos/command.ts'
