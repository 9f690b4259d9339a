/** Waits for the lab, so that a run measures the lab and not its start. */
import { sleep } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { paths } from '../../contract/src/endpoints.ts'

/** Returns once a replica answers through the entry; ends the run with one clear line when none does in time. */
export function waitUntilReady(target: string, waitAtMostSeconds: number): void {
  const url = target.replace(/^ws/, 'http') + paths.health
  const deadline = Date.now() + waitAtMostSeconds * 1000
  let last = answerOf(url)
  if (last !== ready) console.log(`waiting for ${url}, ${waitAtMostSeconds} s at most: ${last}`)
  while (last !== ready && Date.now() < deadline) {
    sleep(1)
    last = answerOf(url)
  }
  if (last === ready) return
  exec.test.abort(`${url} was not ready within ${waitAtMostSeconds} s (last answer: ${last}). Is the lab up? docker compose up -d --wait`)
}

const ready = 'status 200'

/** The status, or why there is none. Needs the option `throw`: a failed request that k6 does not throw is logged every time. */
function answerOf(url: string): string {
  try {
    return `status ${http.get(url, { tags: { name: 'ready' }, timeout: '5s' }).status}`
  } catch (error) {
    return String(error)
  }
}
