import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import { afterEach, expect, test } from 'vitest'
import { waitForEntry } from './entry.ts'

const server = createServer()
afterEach(() => {
  server.removeAllListeners('request')
  server.close()
})

/** An entry whose first answers have these statuses; then 200. */
async function entryWith(statuses: number[]): Promise<string> {
  server.on('request', (request, response) => {
    response.statusCode = request.url === paths.health ? (statuses.shift() ?? 200) : 404
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('waits for a router that does not know of a replica yet', async () => {
  const statuses = [404, 503]
  expect(await waitForEntry(await entryWith(statuses), 10_000)).toBeUndefined()
  expect(statuses).toEqual([])
})

test('says what was there instead, in the end', async () => {
  const entry = await entryWith(Array.from({ length: 1000 }, () => 503))
  expect(await waitForEntry(entry, 300)).toBe('HTTP 503')
  await new Promise((resolve) => server.close(resolve))
  expect(await waitForEntry(entry, 0)).toMatch(/ECONNREFUSED/)
})
