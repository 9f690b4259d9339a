import { describe, expect, it } from 'vitest'
import { generatorWasLimit, isMet, report, type Sample, valuesOf } from './report.ts'
import { plan } from './rows.ts'

const calm = { seconds: 3, server: 0.99, generator: 0.6, others: 0.02 }

function sample(over: Partial<Sample>): Sample {
  return { round: 1, target: 'ws', scenario: 'echo1', figures: { rate: 50_000, cpu: 20 }, busy: calm, ...over }
}

const circumstances = {
  machine: '2 cores',
  versions: { Node: 'v24' },
  date: '2026-01-31',
  rounds: 2,
  seconds: 61,
  quick: false,
  leftOut: {},
}

/** Returns the cells of the first table row whose title begins with the given text. */
function cells(page: string, title: string): string[] {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`| ${title}`))
  return line?.split('|').map((cell) => cell.trim()) ?? []
}

describe('report', () => {
  const echo = 'echo, one message in flight'
  const samples = [
    sample({}),
    sample({ target: 'service', figures: { rate: 45_000, cpu: 21 } }),
    sample({ round: 2, figures: { rate: 100_000, cpu: 10 } }),
    sample({ round: 2, target: 'service', figures: { rate: 97_000, cpu: 14 } }),
  ]
  const page = report(samples, circumstances)

  it('divides the values of each round, and compares the median ratio with the aim', () => {
    expect(cells(page, echo).slice(2, 7)).toEqual([
      '50,000 / **75,000** / 100,000',
      '45,000 / **71,000** / 97,000',
      '0.90 / **0.94** / 0.97',
      'ratio ≥ 0.92',
      'met',
    ])
  })
  it('marks an aim that is not met', () => {
    expect(cells(page, `${echo} per socket: server CPU, µs/msg`).slice(4, 7)).toEqual([
      '1.05 / **1.23** / 1.40',
      'ratio ≤ 1.08',
      '**not met**',
    ])
  })
  it('shows the CPU usage of server and generator', () => expect(cells(page, echo).at(-2)).toBe('99 % · 60 %'))
  it('adds a warning when the generator may have been the bottleneck', () => {
    const limited = sample({ target: 'service', busy: { ...calm, generator: 0.97, server: 0.8 } })
    expect(cells(report([sample({}), limited], circumstances), echo).at(-2)).toContain(
      'generator may have been the bottleneck in 1 of 2 measurements',
    )
  })
  it('adds a warning when other processes used the cores', () => {
    const noisy = sample({ target: 'service', busy: { ...calm, others: 0.4 } })
    expect(cells(report([sample({}), noisy], circumstances), echo).at(-2)).toBe(
      '99 % · 60 % ⚠ other processes were active in 1 of 2 measurements',
    )
  })
  it('compares a target with itself when a feature was switched on and off', () => {
    const figures = { rateOff: 100, rateOn: 99, cpuOff: 10, cpuOn: 10.2 }
    const [, section = ''] = report([sample({ target: 'traced', scenario: 'switched1', figures })], circumstances).split(
      '## What tracing costs',
    )
    expect(section).toContain('| tracing off | tracing on |')
    expect(cells(section, `${echo} per socket: server CPU`).slice(2, 7)).toEqual([
      '10.0 / **10.0** / 10.0',
      '10.2 / **10.2** / 10.2',
      '1.02 / **1.02** / 1.02',
      'ratio ≤ 1.03',
      'met',
    ])
  })
  it('gives the reason for a missing measurement', () => {
    const without = report([sample({})], { ...circumstances, leftOut: { proxied: 'no Docker' } })
    expect(without.split('## Through Traefik')[1]).toContain('not measured: no Docker')
    expect(cells(without, echo)[2]).toBe('not measured')
  })
  it('contains no invalid numbers', () => expect(page).not.toMatch(/NaN|undefined|Infinity/))
})

describe('generatorWasLimit', () => {
  it('is true for a busy generator and a server with spare CPU time', () => {
    expect(generatorWasLimit(sample({ busy: { ...calm, generator: 0.93, server: 0.9 } }))).toBe(true)
  })
  it('is false for a busy generator and a busier server', () => {
    expect(generatorWasLimit(sample({ busy: { ...calm, generator: 0.93, server: 0.96 } }))).toBe(false)
  })
  it('depends on the send delay in a scenario with a fixed rate', () => {
    expect(generatorWasLimit(sample({ figures: { p99: 100, sentLateP99: 40 } }))).toBe(false)
    expect(generatorWasLimit(sample({ figures: { p99: 9000, sentLateP99: 8000 } }))).toBe(true)
  })
})

describe('rows', () => {
  it('divide one scenario by another within a round', () => {
    const samples = [
      sample({ scenario: 'steady10kOn', figures: { p99: 300 } }),
      sample({ scenario: 'steady10kOff', figures: { p99: 200 } }),
      sample({ scenario: 'steady10kOn', round: 2, figures: { p99: 1 } }),
    ]
    expect([...valuesOf(samples, 'ws', { scenario: 'steady10kOn', over: 'steady10kOff', figure: 'p99' })]).toEqual([[1, 1.5]])
  })
  it('determine the scenarios of each target', () => {
    expect([...(plan().get('proxied') ?? [])]).toEqual(['echo1', 'echo16', 'steady1k', 'fanOut', 'connectsFew'])
    expect(plan().get('service')?.has('connectsFew')).toBe(true)
    expect(plan().get('ws')?.has('connectsFew')).toBe(false)
  })
  it('count the limit of an aim itself as met', () => {
    expect(isMet({ of: 'value', at: 'most', limit: 8 }, 8)).toBe(true)
    expect(isMet({ of: 'ratio', at: 'least', limit: 0.92 }, 0.919)).toBe(false)
  })
})
