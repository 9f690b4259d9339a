/** Validates service names given on the command line. */
import type { Model } from '@lab/lab/compose/project.ts'
import type { Command } from 'commander'

/** If a name is not one of the lab's services, ends the command with a usage error that lists the valid names. */
export function refuseUnknownServices(names: readonly string[], { services }: Model, command: Command): void {
  const unknown = names.filter((name) => !Object.hasOwn(services, name))
  if (unknown.length === 0) return
  command.error(`error: no service ${unknown.join(', ')}; allowed are ${Object.keys(services).sort().join(', ')}`, { exitCode: 2 })
}
