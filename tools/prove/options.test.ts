import { faultsOn, planFaultNames } from '@lab/faults/catalogue/index.ts'
import { describe, expect, test } from 'vitest'
import { type Flags, readOptions } from './options.ts'

const read = (flags: Flags) => readOptions(flags, 42)

describe('options', () => {
  test('by default: every kind of fault, for as long as they take', () => {
    expect(read({})).toMatchObject({
      ok: true,
      value: { on: 'compose', sockets: 500, rooms: 25, rate: 50, faults: planFaultNames, seed: 42, replicas: 3, up: false },
    })
  })

  test('on the embedded lab: every kind of fault that it supports', () => {
    const { length } = faultsOn('embedded', planFaultNames)
    expect(length).toBeLessThan(planFaultNames.length)
    expect(read({ on: 'embedded' })).toMatchObject({ value: { faults: faultsOn('embedded', planFaultNames) } })
    expect(read({ on: 'embedded', faults: 'reset' })).toMatchObject({ value: { faults: expect.arrayContaining(['reset-mid-frame']) } })
  })

  test('drains alone are the only faults, unless others are named', () => {
    expect(read({ drains: 10 })).toMatchObject({ value: { drains: 10, faults: ['drain'], minutes: 2.5 } })
    expect(read({ drains: 10, faults: 'kill,reset', minutes: 30 })).toMatchObject({
      value: {
        minutes: 30,
        faults: ['kill', 'reset-dialled', 'reset-half-request', 'reset-request', 'reset-upgraded', 'reset-mid-frame'],
      },
    })
    expect(read({ faults: 'none' })).toMatchObject({ value: { faults: [], minutes: 5 } })
  })

  test('a proof report: 200 sockets, two drains and a crash, unless others are named', () => {
    expect(read({ report: true })).toMatchObject({
      value: { report: true, sockets: 200, drains: 2, faults: ['drain', 'kill'], minutes: 0.7, prices: 'tools/prove/prices.yaml' },
    })
    expect(read({ report: true, sockets: 50, faults: 'kill,scale' })).toMatchObject({
      value: { sockets: 50, drains: undefined, faults: ['kill', 'scale'] },
    })
  })

  test.each<[Flags, string]>([
    [{ sockets: 5, rooms: 6 }, '--rooms 6: allowed is at most one room per socket'],
    [{ faults: 'kill,flood' }, '--faults flood: allowed are kill, pause, drain'],
    [{ on: 'embedded', faults: 'traefik-reload' }, '--faults traefik-reload: allowed on the embedded lab are kill, pause, drain'],
    [{ drains: 120, minutes: 5 }, '--minutes 5: 1 kinds of faults and 120 drains take 30.0 at least'],
    [{ page: 'http://localhost:3000' }, '--page is for the embedded lab'],
    [{ on: 'embedded', entry: 'ws://localhost:8000' }, '--entry is for the labs on Compose and Kubernetes'],
    [{ on: 'kubernetes', page: 'http://localhost:3000' }, '--page is for the embedded lab'],
    [{ on: 'kubernetes', up: true }, 'on Kubernetes: kubectl apply -k k8s/overlays/dev'],
    [{ on: 'kubernetes', report: true }, '--report is for the other kinds of labs'],
    [{ on: 'kubernetes', faults: 'traefik-reload' }, '--faults traefik-reload: allowed on Kubernetes are kill, pause, drain'],
    [{ on: 'embedded', up: true, page: 'http://localhost:3000' }, '--page names a running lab, but --up starts a new one'],
    [{ valkey: 'valkey://127.0.0.1:6379' }, '--valkey is for an embedded lab that is started'],
  ])('%j: one line with the allowed values', (flags, says) => {
    const result = read(flags)
    expect(result.ok).toBe(false)
    if (!result.ok) expect(result.problems.join('\n')).toContain(says)
  })
})
