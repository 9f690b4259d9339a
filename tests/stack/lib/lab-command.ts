/** Runs `./lab` commands on a test stack. */
import { services } from '@lab/contract/endpoints.ts'
import { execa } from 'execa'
import { root } from './compose-file.ts'
import { compose, environmentOf, type Handle } from './stack.ts'

/**
 * Starts `./lab` with the given arguments. The promise does not reject if the exit code is not 0.
 * @param withinMs the command is killed after this time
 */
export function startLab(
  stack: Handle,
  args: readonly string[],
  { withinMs, env = {} }: { withinMs: number; env?: Record<string, string> },
) {
  return execa(process.execPath, ['tools/cli/src/main.ts', ...args], {
    cwd: root,
    env: { ...environmentOf(stack), ...env },
    timeout: withinMs,
    reject: false,
    all: true,
  })
}

/** Restores all replicas to the configuration in the Compose files, which the other test files expect. */
export async function restoreReplicas(stack: Handle): Promise<void> {
  await compose(stack, ['up', '--detach', '--no-deps', '--no-build', '--wait', '--wait-timeout', '90', services.ws], { withinSeconds: 150 })
}
