/** Who has a port: by trying, then by asking. */
import { connect, createServer } from 'node:net'
import { run } from '../docker.ts'

const loopback = '127.0.0.1'
const connectWithinMs = 500
const askWithinSeconds = 10
/** How far above a taken port a free one is looked for. */
const reach = 50

/** Whether this user could open a port on the loopback address right now. */
export async function probePort(port: number): Promise<'free' | 'taken' | 'denied'> {
  // Some systems let a listener on one address stand beside a listener on all.
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

/** The next port that is free, or undefined when none of the next fifty is. @param not ports that are meant for something else */
export async function freePortAfter(port: number, not: ReadonlySet<number>): Promise<number | undefined> {
  for (let candidate = port + 1; candidate <= Math.min(port + reach, 65_535); candidate++) {
    if (!not.has(candidate) && (await probePort(candidate)) === 'free') return candidate
  }
  return undefined
}

/** The process that listens on a port, as far as the system tells this user. */
export async function portOwner(port: number): Promise<string | undefined> {
  if (process.platform === 'win32') {
    const ask = `Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort ${port}).OwningProcess | ForEach-Object { "$($_.Name) $($_.Id)" }`
    const { stdout } = await run('powershell', ['-NoProfile', '-Command', ask], askWithinSeconds)
    return named(/^(\S+) (\d+)/.exec(stdout))
  }
  const ss = await run('ss', ['-Hltnp', `sport = :${port}`], askWithinSeconds)
  const listed = named(/\("([^"]+)",pid=(\d+)/.exec(ss.stdout))
  if (listed) return listed
  const lsof = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], askWithinSeconds)
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
