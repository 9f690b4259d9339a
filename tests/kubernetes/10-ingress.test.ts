/** Tests that rooms connect clients on different pods, and that sockets move to added pods, through the Ingress controller. */
import { createClient } from '@lab/client/client.ts'
import { nodeEnvironment } from '@lab/client/node.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { findLab } from '@lab/lab/find.ts'
import type { KubernetesLab } from '@lab/lab/kubernetes/lab.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { openSocketGroupAt } from '../stack/lib/crowd.ts'
import { entry, pods, readyPods } from './lib/cluster.ts'

const clients = 200
const room = 'through-the-ingress'

describe.skipIf(inject('cluster') !== 'nodes')('through the Ingress controller', () => {
  let lab: KubernetesLab

  beforeAll(async () => {
    await until('two replicas', async () => (await readyPods()).length === 2 && (await pods()).length === 2, {
      withinMs: 420_000,
      everyMs: 1000,
    })
    lab = await findLab({ on: 'kubernetes', entry })
    await lab.scaler?.pause()
  }, 460_000)

  afterAll(async () => {
    await lab?.scaleTo(2)
    await lab?.scaler?.resume()
    await lab?.close()
  }, 200_000)

  test('a room message reaches the members on both pods, once each and in order', { timeout: 90_000 }, async () => {
    const replicas = new Map<number, string>()
    const received = new Map<number, unknown[]>()
    const url = new URL(paths.ws, entry).href.replace('http', 'ws')
    const members = Array.from({ length: 8 }, (_, index) => {
      received.set(index, [])
      return createClient(
        {
          url,
          rooms: [room],
          onEvent: (event) => {
            if (event.type === 'attached') replicas.set(index, event.replica)
            else if (event.type === 'message') received.get(index)?.push(event.message.data)
          },
        },
        nodeEnvironment,
      )
    })
    try {
      await until('all members are connected', () => replicas.size === members.length, { withinMs: 30_000 })
      expect(new Set(replicas.values()).size).toBe(2)
      const sent = Array.from({ length: 20 }, (_, i) => i)
      for (const i of sent) members[0]?.broadcast(room, i)
      await until('every member has all messages', () => [...received.values()].every(({ length }) => length >= sent.length), {
        withinMs: 30_000,
      })
      for (const messages of received.values()) expect(messages).toEqual(sent)
    } finally {
      for (const member of members) member.close()
    }
  })

  test('sockets move to added pods, and no session is lost', { timeout: 400_000 }, async () => {
    const group = await openSocketGroupAt(entry, clients)
    try {
      await lab.scaleTo(4)
      const began = performance.now()
      await until('a spread of 1.3', () => group.at().size === 4 && group.spread(4) <= 1.3, { withinMs: 180_000 })
      addFigure('rebalance', { seconds: (performance.now() - began) / 1000, spread: group.spread(4), goodbyes: group.goodbyes.length })
      expect(group.mishaps.join('\n')).toBe('')
      expect(group.resumed).toBeGreaterThan(0)
    } finally {
      group.close()
    }
  })
})
