/** Validates service names given on the command line. */
import type { Command } from 'commander'

/** If a name is not one of the lab's services, ends the command with a usage error that lists the valid names. */
export function refuseUnknownServices(names: readonly string[], services: readonly string[], command: Command): void {
  const unknown = names.filter((name) => !services.includes(name))
  if (unknown.length === 0) return
  command.error(`error: no service ${unknown.join(', ')}; allowed are ${[...services].sort().join(', ')}`, { exitCode: 2 })
}
