/** Programs that run inside a pod, next to the replica: one sends a signal to the replica's process, and one reads the process's state. */
import { services } from '@lab/contract/endpoints.ts'

/** The replica's program, as in the image's CMD. The pod's processes share one process namespace, so it does not have the process id 1. */
const program = 'services/ws/src/main.ts'

/** Exit code of a program that was killed together with the replica, because its container has ended. */
export const killedToo = 137

/** The state of a process that was stopped with SIGSTOP, as in /proc/PID/stat. */
export const stoppedState = 'T'

/** Returns the arguments of the `kubectl exec` command that sends a signal to the replica in a pod. */
export function signalArgs(pod: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): string[] {
  return insideArgs(pod, `process.kill(Number(id), '${signal}')`)
}

/** Returns the arguments of the `kubectl exec` command that prints the state of the replica's process as one letter. */
export function stateArgs(pod: string): string[] {
  return insideArgs(pod, `process.stdout.write(readFileSync('/proc/' + id + '/stat', 'utf8').split(') ').at(-1)[0])`)
}

/** @param code the JavaScript code to run; `id` is the process id of the replica */
function insideArgs(pod: string, code: string): string[] {
  const find = `const { readdirSync, readFileSync } = require('node:fs')
const isReplica = (id) => {
  try {
    return readFileSync('/proc/' + id + '/cmdline', 'utf8').split('\\0')[1] === '${program}'
  } catch {
    return false
  }
}
const [id] = readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && isReplica(name))
if (id === undefined) throw new Error('no process runs ${program}')`
  return ['exec', pod, '-c', services.ws, '--', 'node', '-e', `${find}\n${code}`]
}
