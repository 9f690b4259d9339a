import { describe, expect, test } from 'vitest'
import { readConfig, type SettingName, settings } from './config.ts'

const numbers = Object.entries(settings).flatMap(([name, setting]) =>
  setting.kind === 'integer' ? [{ name: name as SettingName, setting }] : [],
)

/** Returns the error messages for the given environment variables; the list is empty if all variables are valid. */
function problemsOf(env: Record<string, string>): readonly string[] {
  const result = readConfig(env)
  return result.ok ? [] : result.problems
}

test('every setting has its default without an environment and with empty variables', () => {
  const defaults = Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, setting.default]))
  expect(readConfig({})).toEqual({ ok: true, value: defaults })
  expect(readConfig({ PORT: '', SOMETHING_ELSE: 'x' })).toEqual({ ok: true, value: defaults })
  expect(defaults).toMatchObject({
    PORT: 3001,
    HOST: '0.0.0.0',
    MAX_CONNECTIONS: 10_000,
    HEARTBEAT_INTERVAL: 30_000,
    CONNECTION_TIMEOUT: 300_000,
  })
})

describe.each(numbers)('$name', ({ name, setting }) => {
  test('accepts its bounds, and its default is within them', () => {
    for (const value of [setting.min, setting.max, setting.default]) {
      // Rules that involve more than one setting are tested separately below.
      expect(problemsOf({ [name]: String(value) }).filter((line) => line.includes('whole number'))).toEqual([])
    }
  })

  test('refuses values beyond the bounds and values that are not whole numbers, in one line', () => {
    for (const value of [String(setting.min - 1), String(setting.max + 1), '1.5', '1e3', '0x10', ' 1', 'abc', '9'.repeat(30)]) {
      expect(problemsOf({ [name]: value })).toEqual([
        `${name}=${JSON.stringify(value)}: allowed is a whole number from ${setting.min} to ${setting.max}${'unit' in setting ? ` (${setting.unit})` : ''}`,
      ])
    }
  })
})

test('all problems are reported at once, without the value of a secret', () => {
  const problems = problemsOf({ PORT: 'x', HOST: 'a b', METRICS: 'maybe', RESUME_SECRET: 'short' })
  expect(problems).toHaveLength(4)
  expect(problems[1]).toMatch(/^HOST="a b": allowed is what matches /)
  expect(problems).toContain('METRICS="maybe": allowed is one of on, off')
  expect(problems.join()).not.toContain('short')
})

test('settings that are valid on their own can conflict with each other', () => {
  expect(problemsOf({ DRAIN_DELAY: '3000', DRAIN_TIMEOUT: '2999' })).toEqual([
    'DRAIN_DELAY=3000: allowed is at most DRAIN_TIMEOUT, which is 2999',
  ])
  expect(problemsOf({ DRAIN_DELAY: '3000', DRAIN_TIMEOUT: '3000' })).toEqual([])
  expect(problemsOf({ PORT: '4000', INTERNAL_PORT: '4000' })).toEqual([
    'INTERNAL_PORT=4000: allowed is any port but PORT, which is the same',
  ])
  expect(problemsOf({ PORT: '0', INTERNAL_PORT: '0' })).toEqual([])
})
