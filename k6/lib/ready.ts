/** Waits until the lab is ready, so that a run does not measure the lab's startup. */
import { sleep } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { paths } from '../../contract/src/endpoints.ts'

/**
 * Returns as soon as a replica responds through the lab's endpoint. Aborts the run with a one-line message if no replica responds in time.
 */
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
  exec.test.abort(`${url} was not ready within ${waitAtMostSeconds} s (last answer: ${last}). Start the lab: docker compose up -d --wait`)
}

const ready = 'status 200'

/**
 * Returns the response's HTTP status, or the request's error message. The k6 option `throw` is set, because otherwise k6 would log every
 * failed request.
 */
function answerOf(url: string): string {
  try {
    return `status ${http.get(url, { tags: { name: 'ready' }, timeout: '5s' }).status}`
  } catch (error) {
    return String(error)
  }
}
