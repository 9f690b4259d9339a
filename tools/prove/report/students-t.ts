/** Computes Student's t distribution for whole-number degrees of freedom. Pure. */

/**
 * Computes A(t|ν), the probability that the absolute value of a t-distributed variable stays below t. The probability is computed from a
 * sum of powers of cos θ up to ν − 2, where θ = atan(t / √ν). The formulas are taken from Abramowitz and Stegun, Handbook of Mathematical
 * Functions, 26.7.3 for odd ν and 26.7.4 for even ν.
 */
function chanceWithin(t: number, freedom: number): number {
  const theta = Math.atan(t / Math.sqrt(freedom))
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)]
  const isOdd = freedom % 2 === 1
  let sum = 0
  let term = isOdd ? cosine : 1
  // The ratios of consecutive coefficients in the sum of powers are 2/3, 4/5, … for odd ν, and 1/2, 3/4, … for even ν.
  for (let power = isOdd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term
    term *= ((power + 1) / (power + 2)) * cosine ** 2
  }
  return isOdd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum
}

/** Returns the value that t exceeds with the given probability, which must be below one half. */
export function upperQuantile(chance: number, freedom: number): number {
  const isBelow = (t: number) => 1 - chanceWithin(t, freedom) > 2 * chance
  let [low, high] = [0, 1]
  while (isBelow(high)) high *= 2
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2
    if (isBelow(middle)) low = middle
    else high = middle
  }
  return high
}
