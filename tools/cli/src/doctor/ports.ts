/** Computes findings about host ports. Pure. */
import type { Facts, PortFact } from './facts.ts'
import { blocked, type Finding, fine, warning } from './finding.ts'

export function checkPorts({ ports, platform, engine }: Facts): Finding[] {
  const rootless = engine.state === 'answers' && engine.rootless
  const found = [...twice(ports), ...ports.flatMap((port) => trouble(port, platform, rootless))]
  if (found.length > 0) return found
  const ours = ports.filter(({ state }) => state === 'ours').length
  return [fine('ports', ours > 0 ? `${ours} are used by the running lab, the others are free` : 'all ports are free')]
}

function trouble(fact: PortFact, platform: NodeJS.Platform, rootless: boolean): Finding[] {
  const { variable, port, state, owner, needed } = fact
  const level = needed ? blocked : warning
  if (port === 0) return [level('ports', 'port-zero', `${variable}=0: allowed is a port from 1 to 65535`, `Set in .env: ${variable}=PORT`)]
  if (state === 'taken') {
    const text = `${variable}=${port}: in use${owner ? ` by ${owner}` : ''}${needed ? '' : ' (its profile is not active)'}`
    return [level('ports', 'port-taken', text, `Set in .env: ${line(fact)}`)]
  }
  if (state !== 'denied') return []
  const text = `${variable}=${port}: the port is free, but this user may not open it`
  if (platform === 'win32') {
    const advice = `Windows reserves ranges: netsh interface ipv4 show excludedportrange protocol=tcp. Set in .env: ${line(fact)}`
    return [level('ports', 'port-denied', text, advice)]
  }
  // If the engine runs as root, it can open privileged ports.
  if (!rootless) return [warning('ports', 'port-denied', text, `Docker may be allowed to open it. If not, set in .env: ${line(fact)}`)]
  return [level('ports', 'port-denied', text, `Set in .env: ${line(fact)}`)]
}

function twice(ports: readonly PortFact[]): Finding[] {
  return [
    ...Map.groupBy(
      ports.filter(({ port }) => port !== 0),
      ({ port }) => port,
    ),
  ].flatMap(([port, same]) => {
    const [, second] = same
    if (!second) return []
    const text = `${same.map(({ variable }) => variable).join(' and ')} are both ${port}`
    return [blocked('ports', 'port-twice', text, `Set in .env: ${line(second)}`)]
  })
}

function line({ variable, free }: PortFact): string {
  return `${variable}=${free ?? 'another port'}`
}
