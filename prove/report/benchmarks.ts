/** Reads figures back from docs/benchmarks.md, which `npm run bench` writes. Pure. */

export interface BenchmarkRow {
  title: string
  /** Medians of the reference and of this service. */
  reference: number
  service: number
}

/**
 * @param markdown of the page
 * @returns the rows of "Against plain `ws`"; a row that is called "the same" goes by the title above it as well
 */
export function readBenchmarks(markdown: string): BenchmarkRow[] {
  const section = markdown.split(/^## /m).find((part) => part.startsWith('Against plain')) ?? ''
  let above = ''
  return section.split('\n').flatMap((line) => {
    const [title = '', reference = '', service = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    const [a, b] = [medianOf(reference), medianOf(service)]
    if (a === undefined || b === undefined) return []
    const isSame = title.startsWith('the same')
    if (!isSame) above = title
    return [{ title: isSame ? `${above} / ${title}` : title, reference: a, service: b }]
  })
}

/** `85,698 / **87,911** / 96,704` → 87911 */
function medianOf(cell: string): number | undefined {
  const found = /\*\*([\d,.]+)\*\*/.exec(cell)?.[1]
  return found === undefined ? undefined : Number(found.replaceAll(',', ''))
}
