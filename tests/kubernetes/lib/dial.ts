/** Opens a socket through the Ingress controller to find out which replica it reaches. */
import { paths, replicaHeader } from '@lab/contract/endpoints.ts'
import WebSocket from 'ws'

/** @returns the replica that accepted the handshake, and the sticky cookie, if any; the socket is closed as soon as it opens */
export function dial(entry: string, cookie?: string): Promise<{ replica: string; cookie: string | undefined }> {
  const socket = new WebSocket(new URL(paths.ws, entry).href.replace('http', 'ws'), {
    handshakeTimeout: 10_000,
    headers: cookie === undefined ? {} : { cookie },
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('upgrade', ({ headers }) => {
      const given = headers['set-cookie']?.[0]?.split(';')[0]
      socket.on('open', () => socket.close())
      resolve({ replica: String(headers[replicaHeader]), cookie: given ?? cookie })
    })
  })
}
