/** What status shows. */
import { expect, test } from 'vitest'
import { opener } from './commands/open.ts'
import { readContainers } from './project.ts'
import { statusOf, statusText } from './status.ts'

const line = (service: string, number: number, changes: object = {}) =>
  JSON.stringify({ Name: `lab-${service}-${number}`, Service: service, State: 'running', Health: 'healthy', Publishers: [], ...changes })
const published = { Publishers: [{ TargetPort: 8000, PublishedPort: 8123 }] }
const containers = readContainers(
  [line('ws', 10), line('ws', 2), line('ws', 3, { State: 'exited', Health: '' }), line('traefik', 1, published)].join('\n'),
)

test('replicas by number, with what they say of themselves and how many sockets they have', () => {
  const status = statusOf(containers, {
    connections: { 'ws-2': 7, 'ws-10': 5, 'ws-3': 9 },
    states: { 'ws-2': 'draining', 'ws-10': 'ready', 'ws-3': 'ready' },
  })
  expect(status.replicas).toEqual([
    { name: 'ws-2', state: 'draining', health: 'healthy', connections: 7 },
    { name: 'ws-3', state: 'exited', health: '', connections: null },
    { name: 'ws-10', state: 'ready', health: 'healthy', connections: 5 },
  ])
  expect(status.running).toBe(true)
  expect(status.urls).toEqual([{ word: 'page', what: expect.any(String), url: 'http://localhost:8123' }])
})

test('without Prometheus, sockets are unknown rather than none', () => {
  const status = statusOf(containers, { problem: 'it is not there' })
  expect(status.connections).toBeNull()
  expect(statusText(status)).toMatch(/ws-2 +running +healthy +\?\n[\s\S]*it is not there/)
})

test('nothing runs: says how to start', () => {
  expect(statusText(statusOf([], { problem: '' }))).toContain('lab up')
})

test('reads an array as well as an object a line', () => {
  expect(readContainers(`[${line('ws', 1)}]`)).toEqual(readContainers(line('ws', 1)))
})

test('a browser is opened as the platform does it, and where there is no desktop, not at all', () => {
  const url = 'http://localhost:8000'
  expect(opener('darwin', {}, url)).toEqual(['open', url])
  expect(opener('linux', { DISPLAY: ':0' }, url)).toEqual(['xdg-open', url])
  expect(opener('linux', {}, url)).toBeUndefined()
  expect(opener('win32', {}, url)?.at(-1)).toBe(url)
})
