/** Checks whether a port is free, and finds the process that uses it. */
import { connect, createServer } from 'node:net'
import { run } from '@lab/host/docker.ts'

const loopback = '127.0.0.1'
const connectWithinMs = 500
const askWithinSeconds = 10
/** Number of consecutive ports to try in the search for a replacement for an occupied port. */
const reach = 50

/** Checks whether this user can currently open a port on the loopback address. */
export async function probePort(port: number): Promise<'free' | 'taken' | 'denied'> {
  // The probe tries to connect first, because some systems allow listening on one address while another process listens on all addresses.
  if (await answers(port)) return 'taken'
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('taken')
      else if (error.code === 'EACCES') resolve('denied')
      else reject(error)
    })
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve('free')))
  })
}

/** Returns the next free port, or undefined if none of the next fifty ports is free. @param not ports to skip because they are reserved */
export async function freePortAfter(port: number, not: ReadonlySet<number>): Promise<number | undefined> {
  for (let candidate = port + 1; candidate <= Math.min(port + reach, 65_535); candidate++) {
    if (!not.has(candidate) && (await probePort(candidate)) === 'free') return candidate
  }
  return undefined
}

/** Returns the process that listens on a port; undefined if the system does not reveal it to this user. */
export async function portOwner(port: number): Promise<string | undefined> {
  if (process.platform === 'win32') {
    const ask = `Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort ${port}).OwningProcess | ForEach-Object { "$($_.Name) $($_.Id)" }`
    const { stdout } = await run('powershell', ['-NoProfile', '-Command', ask], { withinSeconds: askWithinSeconds })
    return named(/^(\S+) (\d+)/.exec(stdout))
  }
  const ss = await run('ss', ['-Hltnp', `sport = :${port}`], { withinSeconds: askWithinSeconds })
  const listed = named(/\("([^"]+)",pid=(\d+)/.exec(ss.stdout))
  if (listed) return listed
  const lsof = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { withinSeconds: askWithinSeconds })
  const [, pid, name] = /^p(\d+)\n(?:.*\n)*?c(.+)$/m.exec(lsof.stdout) ?? []
  return pid && name ? `${name} (process ${pid})` : undefined
}

function named(found: RegExpExecArray | null): string | undefined {
  return found ? `${found[1]} (process ${found[2]})` : undefined
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: loopback, timeout: connectWithinMs })
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
