/** Once per second, reads the active alerts from Alertmanager and the received alerts from the alert receiver. */
import { receiverPaths } from '@lab/contract/endpoints.ts'
import { pause, until } from '@lab/host/until.ts'
import { labOf, type Stack, url } from '../../stack/lib/stack.ts'

export type Labels = Record<string, string>

interface Received {
  status: 'firing' | 'resolved'
  receivedAt: string
  labels: Labels
}

export interface AlertWatch {
  /**
   * Waits until an alert with the given labels is active in Alertmanager, and the alert receiver has received it as firing after the given
   * time.
   * @returns the Unix time, in milliseconds, at which the alert receiver first received the alert
   */
  firing(labels: Labels, sinceMs: number, withinMs: number): Promise<number>
  /**
   * Waits until the alert is no longer active in Alertmanager and has reached the alert receiver as resolved.
   * @returns the Unix time, in milliseconds, at which the alert receiver received the resolved alert
   */
  resolved(labels: Labels, sinceMs: number, withinMs: number): Promise<number>
  stop(): Promise<void>
}

export function watchAlerts(stack: Stack): AlertWatch {
  const received = new Map<string, Received>()
  const lab = labOf(stack)
  let active: readonly Readonly<Labels>[] = []
  let problem: unknown
  const stopped = new AbortController()

  async function readBoth(): Promise<void> {
    const { alerts } = await get<{ alerts: Received[] }>(url(stack, 'ALERTS_PORT', receiverPaths.list))
    for (const alert of alerts) received.set(JSON.stringify([alert.receivedAt, alert.status, alert.labels]), alert)
    active = await (await lab).alerts()
  }

  const running = (async () => {
    while (!stopped.signal.aborted) {
      problem = undefined
      await readBoth().catch((error: unknown) => {
        problem = error
      })
      await pause(1000, stopped.signal)
    }
  })()

  /** Returns the times at which the alert with the given labels was delivered, in order. */
  const came = (status: Received['status'], labels: Labels, sinceMs: number) =>
    [...received.values()]
      .filter((one) => one.status === status && has(one.labels, labels))
      .map(({ receivedAt }) => Date.parse(receivedAt))
      .filter((time) => time >= sinceMs)
      .sort((a, b) => a - b)
  const isActive = (labels: Labels) => active.some((one) => has(one, labels))
  const wait = (what: string, time: () => number | undefined, withinMs: number) =>
    until(
      what,
      () => {
        const found = time()
        if (found === undefined && problem !== undefined) throw problem
        return found
      },
      { withinMs },
    )

  return {
    firing: (labels, sinceMs, withinMs) => {
      const time = () => (isActive(labels) ? came('firing', labels, sinceMs)[0] : undefined)
      return wait(`${words(labels)} firing and received`, time, withinMs)
    },
    resolved: (labels, sinceMs, withinMs) => {
      const time = () => (isActive(labels) ? undefined : came('resolved', labels, sinceMs)[0])
      return wait(`${words(labels)} resolved and received`, time, withinMs)
    },
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}

/** Returns the alert's name, together with the labels that distinguish it from other alerts with the same name. */
export function words({ alertname = '', ...others }: Labels): string {
  return [alertname, ...Object.entries(others).map(([name, value]) => `${name}=${value}`)].join(' ')
}

function has(labels: Readonly<Labels>, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

async function get<T>(address: string): Promise<T> {
  const response = await fetch(address, { signal: AbortSignal.timeout(5000) })
  if (!response.ok) throw new Error(`${address}: ${response.status}`)
  return (await response.json()) as T
}
