/** JavaScript source code that runs in a replica and configures toxiproxy in the network that the replica shares with Valkey. */
import { services } from '@lab/contract/endpoints.ts'

/**
 * Delay added to Valkey's replies, and the jitter of this delay, in milliseconds. If the delay were much longer, a replica could not
 * connect to Valkey: connecting requires three replies and must finish within a second.
 */
export const proxyLatencyMs = 100
const jitterMs = 10

/** Three ports: the port that replicas connect to, the port that Valkey uses while the proxy runs, and the port of the proxy's API. */
export const proxyPorts = { public: 6379, behind: 6390, api: 8474 } as const
/** Number of attempts to reach toxiproxy's API, which takes a moment to start. */
const tries = 40
const tryEveryMs = 250

export const orders = `
const post = (path, body) => fetch('http://${services.valkey}:${proxyPorts.api}' + path, { method: 'POST', body: JSON.stringify(body) })
const order = async (path, body) => {
  for (let left = ${tries}; ; left--) {
    const answer = await post(path, body).catch((error) => ({ ok: false, text: () => String(error.cause ?? error) }))
    if (answer.ok || answer.status === 409) return
    if (left === 0) throw new Error(path + ': ' + await answer.text())
    await new Promise((resolve) => setTimeout(resolve, ${tryEveryMs}))
  }
}
await order('/proxies', { name: 'valkey', listen: '0.0.0.0:${proxyPorts.public}', upstream: '127.0.0.1:${proxyPorts.behind}', enabled: true })
await order('/proxies/valkey/toxics', { name: 'slow', type: 'latency', stream: 'downstream', attributes: { latency: ${proxyLatencyMs}, jitter: ${jitterMs} } })
`
