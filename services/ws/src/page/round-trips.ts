/** Stores the latest round-trip times, and converts them to statistics and a line chart. Pure. */

/** Maximum number of round-trip times that are stored. */
const maxCount = 60

export class RoundTrips {
  private readonly all: number[] = []

  add(tookMs: number): void {
    this.all.push(tookMs)
    if (this.all.length > maxCount) this.all.shift()
  }

  get count(): number {
    return this.all.length
  }

  /** Returns the minimum, the latest and the maximum round-trip time in milliseconds; undefined if there are no values yet. */
  get range(): { least: number; last: number; most: number } | undefined {
    const last = this.all.at(-1)
    return last === undefined ? undefined : { least: Math.min(...this.all), last, most: Math.max(...this.all) }
  }

  /** The 95th percentile of the round-trip times, in milliseconds; undefined if there are no values yet. */
  get p95(): number | undefined {
    return [...this.all].sort((a, b) => a - b)[Math.ceil(this.all.length * 0.95) - 1]
  }

  /**
   * Returns an SVG path with the oldest value on the left, the newest on the right, and the maximum at the top. The SVG path is empty if
   * there are fewer than two values, or if no value is above zero.
   */
  path(width: number, height: number): string {
    const top = Math.max(...this.all)
    if (this.all.length < 2 || top <= 0) return ''
    const x = (index: number) => ((maxCount - this.all.length + index) * width) / (maxCount - 1)
    const y = (value: number) => height - (value / top) * height
    return this.all.map((value, index) => `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)},${y(value).toFixed(1)}`).join('')
  }
}

/** Formats a time for display, for example as 0.4 ms or 12 ms. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
