/** Parses the subset of the Prometheus text format that the ws service uses. Pure. */

export interface Sample {
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** Returns the samples in a scrape response, ignoring comment lines. */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    if (found === null) continue
    const [, name = '', pairs = '', value = ''] = found
    const labels: Record<string, string> = {}
    for (const [, label = '', text = ''] of pairs.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[label] = text
    samples.push({ name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) })
  }
  return samples
}

/** Returns the sum of a metric's series that have the given labels, or undefined if no series has them. */
export function sumOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const fitting = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return fitting.length === 0 ? undefined : fitting.reduce((sum, { value }) => sum + value, 0)
}
