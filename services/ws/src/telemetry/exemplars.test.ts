/**
 * Tests that a scrape returns the OpenMetrics format if tracing is enabled. The response contains the same series as without tracing, plus
 * exemplars.
 */
import { metrics } from '@lab/contract/metrics.ts'
import { exemplarLabel } from '@lab/contract/telemetry.ts'
import { expect, test } from 'vitest'
import { createMetrics } from '../metrics.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'

async function scraped(exemplars: boolean): Promise<string> {
  const { registry, meter } = createMetrics({ version: '1', colour: 'blue', recordMessages: true, exemplars })
  meter.opened()
  meter.http('/health', 'GET', 200)
  meter.latency(0.004)
  meter.latency(0.2, traceId)
  meter.handling(0.0001, traceId)
  return registry.metrics()
}

/** Returns the names and labels of all samples. */
function series(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/ #.*/, '').replace(/ \S+$/, ''))
    .sort()
}

test('both formats have the same names and labels', async () => {
  const [plain, open] = [await scraped(false), await scraped(true)]
  expect(series(open)).toEqual(series(plain))
  expect(series(plain).length).toBeGreaterThan(100)
  expect(open.endsWith('\n# EOF\n')).toBe(true)
})

test('a traced observation adds an exemplar to its bucket, and an untraced one adds none', async () => {
  const buckets = (await scraped(true)).split('\n').filter((line) => line.startsWith(`${metrics.messageLatency.name}_bucket`))
  const leading = buckets.filter((line) => line.includes(' # '))
  expect(leading).toHaveLength(1)
  expect(leading[0]).toMatch(new RegExp(`le="0\\.25"\\} 2 # \\{${exemplarLabel}="${traceId}"\\} 0\\.2 \\d+\\.\\d+$`))
  expect(await scraped(false)).not.toContain(traceId)
})
