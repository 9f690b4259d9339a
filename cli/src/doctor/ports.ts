/** Findings about host ports. Pure. */
import type { Facts, PortFact } from './facts.ts'
import { blocked, type Finding, fine, warning } from './finding.ts'

export function checkPorts({ ports, platform, engine }: Facts): Finding[] {
  const rootless = engine.state === 'answers' && engine.rootless
  const found = [...twice(ports), ...ports.flatMap((port) => trouble(port, platform, rootless))]
  if (found.length > 0) return found
  const ours = ports.filter(({ state }) => state === 'ours').length
  return [fine('ports', ours > 0 ? `${ours} are the running lab's, the others are free` : 'all free')]
}

function trouble(fact: PortFact, platform: NodeJS.Platform, rootless: boolean): Finding[] {
  const { variable, port, state, owner, needed } = fact
  const level = needed ? blocked : warning
  if (state === 'taken') {
    const text = `${variable}=${port}: in use${owner ? ` by ${owner}` : ''}${needed ? '' : ' (its profile is off)'}`
    return [level('ports', 'port-taken', text, `Write into .env: ${line(fact)}`)]
  }
  if (state !== 'denied') return []
  const text = `${variable}=${port}: nobody has it, but this user may not open it`
  if (platform === 'win32') {
    const advice = `Windows keeps ranges for itself: netsh interface ipv4 show excludedportrange protocol=tcp. Write into .env: ${line(fact)}`
    return [level('ports', 'port-denied', text, advice)]
  }
  // The engine opens it, as root.
  if (!rootless) return [warning('ports', 'port-denied', text, `Docker may be allowed to. If not, write into .env: ${line(fact)}`)]
  return [level('ports', 'port-denied', text, `Write into .env: ${line(fact)}`)]
}

function twice(ports: readonly PortFact[]): Finding[] {
  return [...Map.groupBy(ports, ({ port }) => port)].flatMap(([port, same]) => {
    const [, second] = same
    if (!second) return []
    const text = `${same.map(({ variable }) => variable).join(' and ')} are both ${port}`
    return [blocked('ports', 'port-twice', text, `Write into .env: ${line(second)}`)]
  })
}

function line({ variable, free }: PortFact): string {
  return `${variable}=${free ?? 'another port'}`
}
