/**
 * Asks the live page's server whether the number of sockets has been changed. Each virtual user asks by itself, because k6's virtual users
 * share no memory.
 */
import http from 'k6/http'
import { setTimeout } from 'k6/timers'
import { type LoadAnswer, type LoadChange, type LoadPoll, loadControl } from '../../contract/src/load-control.ts'

/** How long a virtual user waits for a response. */
const timeout = '5s'
/** Number of failed polls in succession after which the first virtual user prints a warning. */
const warnAfterFailures = 3

export interface Control {
  /** Address of the live page's server. */
  address: string
  /** End of the load curve, in milliseconds since 1970, after which the virtual user stops asking. */
  endsAtMs: number
  state(): LoadPoll
  onChange(change: LoadChange): void
}

/** Polls the server until the load curve ends, and returns immediately. Without a response, the load curve stays as it is. */
export function followControl({ address, endsAtMs, state, onChange }: Control): void {
  let appliedAtMs = 0
  let failures = 0

  async function poll(): Promise<void> {
    if (Date.now() >= endsAtMs) return
    try {
      const body = JSON.stringify(state())
      const params = { timeout, tags: { name: 'control' }, headers: { 'content-type': 'application/json' } }
      const response = await http.asyncRequest('POST', address + loadControl.path, body, params)
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      failures = 0
      const { change } = response.json() as unknown as LoadAnswer
      if (change !== null && change.atMs !== appliedAtMs) {
        appliedAtMs = change.atMs
        onChange(change)
      }
    } catch (error) {
      failures += 1
      if (failures === warnAfterFailures && state().vu === 0) {
        console.warn(`${address} does not answer, so ./lab load cannot change this run: ${String(error)}`)
      }
    }
    setTimeout(() => void poll(), loadControl.pollEveryMs)
  }

  // The virtual users' first polls are spread over the interval.
  const { vu } = state()
  setTimeout(() => void poll(), ((vu * 7) % 40) * (loadControl.pollEveryMs / 40))
}
