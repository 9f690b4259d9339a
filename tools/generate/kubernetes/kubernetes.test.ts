/** Tests how variables, quantities, health checks and metric queries are converted for the Kubernetes manifests. */

import { composeServices, interpolated } from '@lab/host/compose-service.ts'
import { describe, expect, test } from 'vitest'
import { adapterRules } from './monitoring.ts'
import { probes } from './probes.ts'
import { bytesOf, cpu, memory, secondsOf } from './quantities.ts'

describe('variables', () => {
  test.each([
    ['a default', `\${A:-x}`, 'x'],
    ['an empty default', `\${A-}`, ''],
    ['a value', `\${B:-x}`, 'b'],
    ['a variable in a default', `\${A:-r/\${B}/s}`, 'r/b/s'],
    ['an escaped dollar', '$$1', '$1'],
    ['several', `\${A:-1},\${B}`, '1,b'],
  ])('%s', (_, text, result) => {
    expect(interpolated({ list: [text] }, { B: 'b' })).toEqual({ list: [result] })
  })

  test('overlays take precedence, and merge mappings', () => {
    const base = { services: { ws: { cpus: 1, labels: { a: '1' } } } }
    const overlay = { services: { ws: { cpus: 2, labels: { b: '2' } }, other: { cpus: 3 } } }
    expect(composeServices([base, overlay], {})).toEqual({ ws: { cpus: 2, labels: { a: '1', b: '2' } }, other: { cpus: 3 } })
  })
})

describe('quantities', () => {
  test('memory, CPU and time', () => {
    expect([memory(bytesOf('256m')), memory(bytesOf('2g')), memory(bytesOf('2g') / 5)]).toEqual(['256Mi', '2048Mi', '409Mi'])
    expect([cpu(1), cpu(0.5), cpu(0.05)]).toEqual(['1', '500m', '50m'])
    expect(['30s', '500ms', '2m', '1500ms'].map(secondsOf)).toEqual([30, 1, 120, 2])
  })

  test('unknown formats are refused', () => {
    expect(() => bytesOf('5')).toThrow('memory 5: allowed are')
    expect(() => secondsOf('5h')).toThrow('duration 5h: allowed are')
  })
})

describe('probes', () => {
  const times = { interval: '2s', timeout: '5s', retries: 3, start_period: '60s', start_interval: '500ms' }
  const action = (...words: string[]) => probes({ test: words, ...times }).readinessProbe

  test('a health check that sends a request becomes a request of kubelet', () => {
    expect(action('CMD', 'wget', '-q', 'http://127.0.0.1:9090/-/ready').httpGet).toEqual({ path: '/-/ready', port: 9090 })
    expect(action('CMD-SHELL', 'wget -q -O - http://127.0.0.1:3000/api/health | grep -q ok').httpGet).toEqual({
      path: '/api/health',
      port: 3000,
    })
    const bash = String.raw`exec 3<>/dev/tcp/127.0.0.1/9094 && printf 'GET /a HTTP/1.0\r\nHost:localhost\r\n\r\n' >&3`
    expect(action('CMD', 'bash', '-c', bash).httpGet).toEqual({
      path: '/a',
      port: 9094,
      httpHeaders: [{ name: 'Host', value: 'localhost' }],
    })
  })

  test('another health check remains a command', () => {
    expect(action('CMD', '/usr/bin/loki', '-health').exec).toEqual({ command: ['/usr/bin/loki', '-health'] })
    expect(action('CMD-SHELL', 'a | b').exec).toEqual({ command: ['sh', '-c', 'a | b'] })
  })
})

test('the rules of the metrics adapter read the series of a query, and have the name of the metric', () => {
  const query = 'sum by (replica) (rate(a_total{job="ws",<<.LabelMatchers>>}[20s]))'
  expect(adapterRules({ pods: [{ name: 'a_per_second', query }], external: [] }).rules).toEqual([
    {
      seriesQuery: 'a_total{namespace!="",pod!=""}',
      resources: { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } },
      name: { as: 'a_per_second' },
      metricsQuery: 'sum by (<<.GroupBy>>) (rate(<<.Series>>{job="ws",<<.LabelMatchers>>}[20s]))',
    },
  ])
})
