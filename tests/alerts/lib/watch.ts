/** Which alerts Alertmanager holds and which ones the receiver was sent, looked at once a second. */
import { setTimeout as sleep } from 'node:timers/promises'
import { receiverPaths } from '../../../contract/src/endpoints.ts'
import { type Stack, url } from '../../stack/lib/stack.ts'
import { until } from '../../stack/lib/until.ts'

export type Labels = Record<string, string>

interface Received {
  status: 'firing' | 'resolved'
  receivedAt: string
  labels: Labels
}

export interface AlertWatch {
  /**
   * Waits until an alert with these labels is active in Alertmanager and was received as firing since the given time.
   * @returns when it was received first. All times in milliseconds of Unix time
   */
  firing(labels: Labels, sinceMs: number, withinMs: number): Promise<number>
  /** The same for its end: not active any more, and received as resolved. @returns when that was received first */
  resolved(labels: Labels, sinceMs: number, withinMs: number): Promise<number>
  stop(): Promise<void>
}

export function watchAlerts(stack: Stack): AlertWatch {
  const received = new Map<string, Received>()
  let active: Labels[] = []
  let problem: unknown
  const stopped = new AbortController()

  async function look(): Promise<void> {
    const { alerts } = await get<{ alerts: Received[] }>(url(stack, 'ALERTS_PORT', receiverPaths.list))
    for (const alert of alerts) received.set(JSON.stringify([alert.receivedAt, alert.status, alert.labels]), alert)
    const all = '/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false'
    active = (await get<{ labels: Labels }[]>(url(stack, 'ALERTMANAGER_PORT', all))).map(({ labels }) => labels)
  }

  const running = (async () => {
    while (!stopped.signal.aborted) {
      problem = undefined
      await look().catch((error: unknown) => {
        problem = error
      })
      await sleep(1000, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()

  /** Times at which such an alert was received, in order. */
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
      withinMs,
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

/** The alert in words: its name, and what else tells it apart. */
export function words({ alertname = '', ...others }: Labels): string {
  return [alertname, ...Object.entries(others).map(([name, value]) => `${name}=${value}`)].join(' ')
}

function has(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value)
}

async function get<T>(address: string): Promise<T> {
  const response = await fetch(address, { signal: AbortSignal.timeout(5000) })
  if (!response.ok) throw new Error(`${address}: ${response.status}`)
  return (await response.json()) as T
}
