/**
 * The actuator is the only service that may change the lab's containers. The actuator has access to the Docker socket, so it accepts no
 * input other than a number of replicas for a service in its own list. The number of replicas is the only part of a request that the
 * actuator passes on to Docker: the request's path only selects one of the services that the actuator was started with.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { actuatorPaths } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { Actuator } from '../adapters/compose.ts'

/** Allows only the whitespace characters that JSON defines. */
const onlyBody = /^[ \t\r\n]*\{[ \t\r\n]*"replicas"[ \t\r\n]*:[ \t\r\n]*(0|[1-9]\d{0,3})[ \t\r\n]*\}[ \t\r\n]*$/
/** Maximum length of a request body, in bytes; longer than any request body that the scaler sends. */
const maxBodyBytes = 64
/** Maximum time for receiving a request, in milliseconds. */
const arrivalMs = 5000

export interface ActuatorSettings {
  /** Largest number of replicas that may be requested. */
  readonly maxReplicas: number
  /** Aborts a running action. */
  readonly stop: AbortSignal
  readonly say: (line: string) => void
}

/**
 * Returns the number of replicas in the body of a PUT request. The body must be a JSON object with one key, in ASCII and without escapes,
 * so that all parsers read the same number.
 */
export function readReplicas(body: Buffer, maxReplicas: number): Result<number> {
  const [, digits] = onlyBody.exec(body.toString('latin1')) ?? []
  if (digits === undefined) return failure('body: allowed is {"replicas": N}, where N is a whole number')
  const replicas = Number(digits)
  return replicas <= maxReplicas ? success(replicas) : failure(`replicas: allowed are 0 to ${maxReplicas} (SCALER_MAX_REPLICAS)`)
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

const refused = (status: number, error: string): Answer => ({ status, body: { error } })

type Handler = (request: IncomingMessage) => Promise<Answer>

/**
 * Returns an HTTP server that is not yet listening. A scaling action continues even if its caller disconnects, because aborting it could
 * leave the change incomplete. Actions on different services run at the same time.
 * @param actuators the services that may be scaled
 */
export function createActuatorServer(actuators: ReadonlyMap<string, Actuator>, settings: ActuatorSettings): Server {
  const names = [...actuators.keys()]
  const handlers = new Map<string, Handler>([
    [`GET ${actuatorPaths.services}`, async () => ({ status: 200, body: names })],
    ...[...actuators].flatMap(([service, actuator]) => handlersOf(service, actuator, settings)),
  ])
  const unknown = refused(
    404,
    `allowed are GET ${actuatorPaths.services}, and for each service GET and PUT ${actuatorPaths.replicas('NAME')} and GET ${actuatorPaths.workingSets('NAME')}; NAME is one of ${names.join(', ')} (SCALER_SERVICES)`,
  )

  return createServer({ requestTimeout: arrivalMs, headersTimeout: arrivalMs, maxHeaderSize: 4096 }, async (request, response) => {
    const handler = handlers.get(`${request.method} ${request.url}`)
    const { status, body } = handler === undefined ? unknown : await handler(request).catch((error: Error) => refused(500, error.message))
    if (request.method !== 'GET' || status !== 200)
      settings.say(`${request.method} ${JSON.stringify(request.url)}: ${status} ${JSON.stringify(body)}`)
    // The connection is closed after every response, because the remainder of a refused request body is not read.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
  })
}

/** Returns what the server does for one service, by method and path. */
function handlersOf(service: string, actuator: Actuator, { maxReplicas, stop }: ActuatorSettings): [string, Handler][] {
  let busy = false

  async function scale(request: IncomingMessage): Promise<Answer> {
    const body = await bodyOf(request)
    if (body === null) return refused(413, `body: allowed are at most ${maxBodyBytes} bytes`)
    const read = readReplicas(body, maxReplicas)
    if (!read.ok) return refused(400, read.problems.join('; '))
    if (busy) return refused(409, `another action on ${service} is still running`)
    busy = true
    try {
      await actuator.scale(read.value, stop)
      return { status: 200, body: { replicas: read.value } }
    } finally {
      busy = false
    }
  }

  return [
    [`GET ${actuatorPaths.replicas(service)}`, async () => ({ status: 200, body: await actuator.list(stop) })],
    [`PUT ${actuatorPaths.replicas(service)}`, scale],
    [`GET ${actuatorPaths.workingSets(service)}`, async () => ({ status: 200, body: await actuator.workingSets(stop) })],
  ]
}

/** Returns the body of a request, or null if it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
