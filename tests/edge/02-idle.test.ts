/**
 * Checks that idle sockets, on which only heartbeats are sent, stay open through Traefik for IDLE_MINUTES (30 by default), which is much
 * longer than any of the timeouts on the way.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { wholeNumber } from '@lab/host/arguments.ts'
import { expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { openSocketGroup } from '../stack/lib/crowd.ts'
import { query } from '../stack/lib/prometheus.ts'

const stack = inject('stack')
const sockets = 60
const minutes = wholeNumber(1, 1_440)(process.env.IDLE_MINUTES ?? '30')

test(`${sockets} idle sockets stay open for ${minutes} minutes`, { timeout: (minutes + 5) * 60_000 }, async () => {
  const group = await openSocketGroup(stack, sockets)
  const before = group.at()
  const startedAt = performance.now()
  console.log(`${sockets} sockets are open`)
  try {
    while (performance.now() - startedAt < minutes * 60_000 && group.mishaps.length === 0) await sleep(1_000)
    const heldMinutes = (performance.now() - startedAt) / 60_000
    addFigure('idle', { sockets, heldMinutes, mishaps: group.mishaps })
    expect(group.mishaps).toEqual([])
    expect([group.resumed, group.goodbyes, group.at()]).toEqual([0, [], before])
    const [closed] = await query(stack, 'sum(websocket_connections_closed_total{job="ws"}) or vector(0)')
    const [open] = await query(stack, 'sum(websocket_connections_active{job="ws"})')
    expect([open?.value, closed?.value]).toEqual([sockets, 0])
  } finally {
    group.close()
  }
})
