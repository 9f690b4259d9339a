import { expect, test } from 'vitest'
import { upperQuantile } from './students-t.ts'

/** The critical values of Student's t distribution are taken from the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2. */
test.each([
  [0.025, 1, 12.706],
  [0.001, 2, 22.327],
  [0.01, 3, 4.541],
  [0.05, 4, 2.132],
  [0.001, 4, 7.173],
  [0.005, 5, 4.032],
  [0.01, 7, 2.998],
  [0.05, 10, 1.812],
  [0.025, 100, 1.984],
])('is exceeded with a probability of %s at %s degrees of freedom: %s', (chance, freedom, t) => {
  expect(Math.abs(upperQuantile(chance, freedom) - t)).toBeLessThan(0.0011)
})
