/** Sends requests to the API server of the control plane that a parity run starts. */
import { Agent, request } from 'node:https'
import { LabError } from '@lab/host/lab-error.ts'

export interface Access {
  readonly port: number
  /** The certificate authority of the API server, in PEM format. */
  readonly ca: string
  readonly token: string
}

export interface ApiClient {
  /** Returns the body of a response, or undefined if the object does not exist. @throws LabError for every other unsuccessful response */
  get(path: string): Promise<string | undefined>
  create(path: string, object: object): Promise<void>
  replace(path: string, object: object): Promise<void>
  /** Changes an object with a JSON merge patch, which contains only the fields to be replaced. */
  patch(path: string, fields: object): Promise<void>
  /** Deletes an object without a grace period. */
  remove(path: string): Promise<void>
  close(): void
}

const withinMs = 15_000
const notFound = 404

/** Returns a client with reused connections. The caller must close it. */
export function apiClient({ port, ca, token }: Access): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca })
  const send = (method: string, path: string, body?: object, type = 'application/json') =>
    new Promise<string | undefined>((resolve, reject) => {
      const text = body && JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'content-type': type,
        // Without this header, Node sends the body of a DELETE request without any length.
        'content-length': Buffer.byteLength(text ?? ''),
      }
      const signal = AbortSignal.timeout(withinMs)
      const sent = request({ host: '127.0.0.1', port, method, path, agent, headers, signal }, (response) => {
        let answer = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          answer += part
        })
        response.on('error', reject).on('end', () => {
          const { statusCode = 0 } = response
          if (statusCode < 300) resolve(answer)
          else if (statusCode === notFound && (method === 'GET' || method === 'DELETE')) resolve(undefined)
          else reject(new LabError(`the API server answered ${statusCode} to ${method} ${path}: ${messageOf(answer)}`))
        })
      })
      sent.on('error', (error) => reject(new LabError(`the API server did not answer ${method} ${path}: ${error.message}`)))
      sent.end(text)
    })
  return {
    get: (path) => send('GET', path),
    create: async (path, object) => void (await send('POST', path, object)),
    replace: async (path, object) => void (await send('PUT', path, object)),
    patch: async (path, fields) => void (await send('PATCH', path, fields, 'application/merge-patch+json')),
    remove: async (path) => void (await send('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 })),
    close: () => agent.destroy(),
  }
}

function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text)
  } catch {
    return text.trim()
  }
}
