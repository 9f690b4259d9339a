/** JavaScript that runs in a replica and gives toxiproxy its orders, on the network that it shares with Valkey. Text alone. */
import { services } from '../../contract/src/endpoints.ts'

/** How much later Valkey's answers come, and by how much that varies. A replica has a second for connecting, which takes three answers: four times as much would be an outage. Milliseconds. */
export const proxyLatencyMs = 100
const jitterMs = 10

/** Where replicas dial, where Valkey listens while the proxy is there, and where the proxy takes orders. */
export const proxyPorts = { public: 6379, behind: 6390, api: 8474 } as const
/** The proxy may take a moment to listen. */
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
