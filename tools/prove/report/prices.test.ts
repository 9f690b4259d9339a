import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readPrices } from './prices.ts'

const good = `currency: USD
source: a list
perVcpuHour: 0.04
perGibHour: 0.004
request:
  vcpu: 0.25
  gib: 0.125
`

describe('the price file of the repository', () => {
  const file = new URL('../prices.yaml', import.meta.url)

  test('is one', () => {
    expect(readPrices(readFileSync(file, 'utf8'), 'tools/prove/prices.yaml')).toMatchObject({ ok: true, prices: { currency: 'USD' } })
  })

  test('has the resource requests of compose.k8s-sim.yaml', () => {
    const { services } = parse(readFileSync(new URL('../../../compose.k8s-sim.yaml', import.meta.url), 'utf8'), { merge: true })
    const read = readPrices(readFileSync(file, 'utf8'), 'tools/prove/prices.yaml')
    if (!read.ok) throw new Error(read.problems.join())
    expect([`${read.prices.request.vcpu * 1000}m`, `${read.prices.request.gib * 1024}Mi`]).toEqual([
      services.ws.labels['lab.requests.cpu'],
      services.ws.labels['lab.requests.memory'],
    ])
  })
})

test.each([
  ['perVcpuHour: 0.04', 'perVcpuHour: -1', 'p.yaml:3:14: perVcpuHour: must not be negative'],
  ['perGibHour: 0.004', 'perGibHour: cheap', 'p.yaml:4:13: perGibHour: must be a number'],
  ['currency: USD\n', '', 'p.yaml:1:1: currency: is missing'],
  ['  gib: 0.125', '  ram: 1\n  gib: 0.125', 'p.yaml:7:3: request.ram: not known; allowed: vcpu, gib'],
  ['  vcpu: 0.25', '  vcpu: 0', 'p.yaml:6:9: request.vcpu: must be more than 0'],
  ['request:\n  vcpu: 0.25\n  gib: 0.125', 'request: 5', 'p.yaml:5:10: request: must be a mapping'],
  ['source: a list', 'source: [', 'p.yaml:'],
])('%j as %j: %s', (from, to, says) => {
  const read = readPrices(good.replace(from, to), 'p.yaml')
  expect(read.ok ? [] : read.problems).toEqual(expect.arrayContaining([expect.stringContaining(says)]))
})

test('an empty file is reported as such', () => {
  expect(readPrices('', 'p.yaml')).toEqual({ ok: false, problems: ['p.yaml:1:1: the file: must be a mapping'] })
})
