import { describe, expect, test } from 'vitest'
import { allFaultKinds } from './core/fault-kinds.ts'
import { readOptions } from './options.ts'

const read = (line: string) => readOptions(line.split(' ').filter(Boolean), 42)

describe('options', () => {
  test('without any: every kind of fault, for as long as they take', () => {
    expect(read('')).toMatchObject({
      ok: true,
      options: { sockets: 500, rooms: 25, rate: 50, faults: allFaultKinds, seed: 42, replicas: 3, up: false },
    })
  })

  test('drains alone are the only faults, unless others are named', () => {
    expect(read('--drains 10')).toMatchObject({ options: { drains: 10, faults: ['drain'], minutes: 2.5 } })
    expect(read('--drains 10 --faults kill,reset --minutes 30')).toMatchObject({
      options: {
        minutes: 30,
        faults: ['kill', 'reset-dialled', 'reset-half-request', 'reset-request', 'reset-upgraded', 'reset-mid-frame'],
      },
    })
    expect(read('--faults none')).toMatchObject({ options: { faults: [], minutes: 5 } })
  })

  test('a proof report: 200 sockets, two drains and a crash, unless others are named', () => {
    expect(read('--report')).toMatchObject({
      options: { report: true, sockets: 200, drains: 2, faults: ['drain', 'kill'], minutes: 0.7, prices: 'prove/prices.yaml' },
    })
    expect(read('--report --sockets 50 --faults kill,scale')).toMatchObject({
      options: { sockets: 50, drains: undefined, faults: ['kill', 'scale'] },
    })
  })

  test.each([
    ['--sockets 0', '--sockets 0: allowed is a whole number from 1 to 20000'],
    ['--sockets x', '--sockets x: allowed is a whole number'],
    ['--sockets 5 --rooms 6', '--rooms 6: allowed is at most one for each socket'],
    ['--faults kill,flood', '--faults flood: allowed are drain, kill'],
    ['--drains 120 --minutes 5', '--minutes 5: 1 kinds of faults and 120 drains take 30.0 at least'],
    ['--entry localhost', '--entry localhost: allowed is ws://HOST:PORT'],
    ['--colour red', 'colour'],
  ])('%s: one line that says what is allowed', (line, says) => {
    const result = read(line)
    expect(result.ok).toBe(false)
    if (!result.ok) expect(result.problems.join('\n')).toContain(says)
  })
})
