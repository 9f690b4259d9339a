/** The latest round trips, as figures and as a line. Pure. */

/** How many are kept. */
const kept = 60

export class RoundTrips {
  private readonly all: number[] = []

  add(tookMs: number): void {
    this.all.push(tookMs)
    if (this.all.length > kept) this.all.shift()
  }

  get count(): number {
    return this.all.length
  }

  /** Least, latest and most. Milliseconds; undefined while there is none. */
  get range(): { least: number; last: number; most: number } | undefined {
    const last = this.all.at(-1)
    return last === undefined ? undefined : { least: Math.min(...this.all), last, most: Math.max(...this.all) }
  }

  /** The smallest that 95 % of them do not exceed. Milliseconds; undefined while there is none. */
  get p95(): number | undefined {
    return [...this.all].sort((a, b) => a - b)[Math.ceil(this.all.length * 0.95) - 1]
  }

  /** A path for SVG from left (oldest) to right, the highest at the top; empty while there are fewer than two. */
  path(width: number, height: number): string {
    const top = Math.max(...this.all)
    if (this.all.length < 2 || top <= 0) return ''
    const x = (index: number) => ((kept - this.all.length + index) * width) / (kept - 1)
    const y = (value: number) => height - (value / top) * height
    return this.all.map((value, index) => `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)},${y(value).toFixed(1)}`).join('')
  }
}

/** As people read it: 0.4 ms, 12 ms. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}
