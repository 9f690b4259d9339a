/** `chaos`: faults on purpose; see chaos/. */
export { registerChaos as register } from '../../../chaos/command.ts'
