import { describe, expect, test } from 'vitest'
import { doubleOf, milliOf, parseQuantity } from './quantities.ts'

const nanoOf = (text: string): bigint | undefined => parseQuantity(text)?.nano
const unit = 10n ** 9n

/** Test cases from TestQuantityParse in Kubernetes' apimachinery. */
describe('parses quantities like Kubernetes', () => {
  test.each<[string, bigint]>([
    ['0', 0n],
    ['0n', 0n],
    ['0Ki', 0n],
    ['1Ki', 1024n * unit],
    ['8Ki', 8n * 1024n * unit],
    ['7Mi', 7n * 1024n ** 2n * unit],
    ['6Gi', 6n * 1024n ** 3n * unit],
    ['5Ti', 5n * 1024n ** 4n * unit],
    ['4Pi', 4n * 1024n ** 5n * unit],
    ['3Ei', 3n * 1024n ** 6n * unit],
    ['10n', 10n],
    ['100u', 100_000n],
    ['100m', 100_000_000n],
    ['0', 0n],
    ['100', 100n * unit],
    ['100k', 100_000n * unit],
    ['10M', 10_000_000n * unit],
    ['1G', 10n ** 9n * unit],
    ['2T', 2n * 10n ** 12n * unit],
    ['3P', 3n * 10n ** 15n * unit],
    ['4E', 4n * 10n ** 18n * unit],
    ['1e3', 1000n * unit],
    ['1E3', 1000n * unit],
    ['1e-3', 1_000_000n],
    ['100.035k', 100_035n * unit],
    ['0.001', 1_000_000n],
    ['0.0005k', 500_000_000n],
    ['0.5Mi', 512n * 1024n * unit],
    ['0.05Gi', 53_687_091_200_000_000n],
    ['.001', 1_000_000n],
    ['.0001k', 100_000_000n],
    ['1.', unit],
    ['1.G', 10n ** 9n * unit],
    ['01.0M', 10n ** 6n * unit],
    // Digits below 10^-9 are rounded away from zero.
    ['0.0000000001', 1n],
    ['-0.0000000001', -1n],
    ['0.000000000001Ki', 2n],
    // The quantity is too large for an int64. Only quantities with a binary suffix are capped at the largest int64.
    ['9Ei', (2n ** 63n - 1n) * unit],
    ['12E', 12n * 10n ** 18n * unit],
    // A quantity without any digits is 0.
    ['.', 0n],
    ['Ki', 0n],
    ['1e-9999', 1n],
  ])('%s', (text, nano) => {
    expect(nanoOf(text)).toBe(nano)
    expect(nanoOf(`+${text}`.replace('+-', '-'))).toBe(nano)
    if (nano > 0n) expect(nanoOf(`-${text}`)).toBe(-nano)
  })
})

test.each([
  '',
  '+-1',
  '1.1.M',
  '1+1.0M',
  '0.1mi',
  '0.1am',
  'aoeu',
  '.5i',
  '1i',
  '-3.01i',
  '-3.01e-',
  '1e',
  '1e1.5',
  ' 1',
  '1 ',
  '1K',
  '1KiB',
])('refuses "%s"', (text) => {
  expect(parseQuantity(text)).toBeNull()
})

test('thousandths are rounded away from zero', () => {
  const milli = (text: string): number | undefined => {
    const quantity = parseQuantity(text)
    return quantity ? milliOf(quantity) : undefined
  }
  expect(['100m', '1k', '2Gi', '0.1m', '-0.1m', '1n'].map(milli)).toEqual([100, 1_000_000, 2 * 1024 ** 3 * 1000, 1, -1, 1])
})

test('a tolerance is the double that the controller computes from the canonical form', () => {
  const double = (text: string): number | undefined => {
    const quantity = parseQuantity(text)
    return quantity ? doubleOf(quantity) : undefined
  }
  expect(['0', '0.1', '0.05', '100m', '1', '10', '2k'].map(double)).toEqual([0, 0.1, 0.05, 0.1, 1, 10, 2000])
  expect(double('0.35')).toBe(350 * 0.001)
})

test.each<[string, string[]]>([
  ['0', ['0', '0Ki', '-0', '.', '0e3']],
  ['-1k', ['-1k', '-1000', '-1000000m', '-0.001M']],
  ['-1500m', ['-1.5', '-1500m']],
  ['-1Ki', ['-1Ki']],
  ['-1536Mi', ['-1.5Gi']],
  ['-512', ['-0.5Ki']],
  ['-2Ki', ['-2Ki', '-2.0Ki']],
  ['-1e3', ['-1e3', '-1.0e3', '-10e2']],
  ['-1n', ['-1n', '-0.1n']],
  // Short quantities are printed as they were written.
  ['-01', ['-01']],
  ['-1.500', ['-1.500']],
])('Kubernetes prints %s for %j', (text, spellings) => {
  expect(spellings.map((spelling) => parseQuantity(spelling)?.text)).toEqual(spellings.map(() => text))
})
