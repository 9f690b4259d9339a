/** Implements `./lab workshop host`, which serves the instructor's page. */
import { networkInterfaces } from 'node:os'
import { allowedOrigins } from '@lab/contract/foreign.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { servePage } from '@lab/live/api.ts'
import { createRoomApi } from './api.ts'
import { Room } from './room.ts'

/** Serves the page until a signal ends the command. @throws LabError if the port is not available */
export async function host({ port, listen }: { port: number; listen: string }): Promise<void> {
  const allowed = allowedOrigins(process.env.ALLOWED_ORIGINS)
  if (!allowed.ok) throw new LabError(allowed.problems.join('; '))
  const stop = stopOnSignals((signal, first) => first && say(`${signal}: the page ends`))
  const name = reachableName(listen)
  // With port 0, the port is known only once the server listens, so the page shows a placeholder instead of the address.
  const joinUrl = (at: number) => `http://${name}:${at}`
  const room = new Room()
  const app = createRoomApi(room, port === 0 ? 'URL' : joinUrl(port), allowed.value, () => Date.now())
  const page = await servePage(app, port, listen).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') throw new LabError(`--port ${port}: in use; give another port, or 0 for any free port`)
    if (error.code === 'EADDRNOTAVAIL') throw new LabError(`--listen ${listen}: this machine does not have this address`)
    throw error
  })
  say(`The instructor's page: http://localhost:${page.port}. Ctrl-C ends it.`)
  say(`Each learner runs: ./lab workshop join ${joinUrl(page.port)} NAME`)
  if (isLocal(listen)) say('Only this machine can reach the page; to open it to the network, add: --listen 0.0.0.0')
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  page.close()
  process.exitCode = exitCodes.interrupted
}

function isLocal(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.')
}

/** Returns the address under which other machines reach this one; localhost if the server accepts only local connections. */
function reachableName(listen: string): string {
  if (isLocal(listen)) return 'localhost'
  if (listen !== '0.0.0.0' && listen !== '::') return listen
  const external = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
  )
  return external[0]?.address ?? 'localhost'
}
