/** docs/decisions/0002 speaks of docs/benchmarks.md, which a machine writes anew: the misses it names are those of that page. */
import { expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

/** Cells of the table rows of a page. */
function rowsOf(page: string): string[][] {
  return read(page)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** What stands in bold in a cell of three: the median. */
const median = (cell = '') => /\*\*(.+)\*\*/.exec(cell)?.[1] ?? ''

test('the decision on speed names every miss of the figures page, and nothing else', () => {
  const missed = rowsOf('docs/benchmarks.md')
    .filter((cells) => cells[5] === '**not met**')
    .map(([, , service, ratio, aim = '']) => `${median(aim.startsWith('ratio') ? ratio : service)}, aim ${aim}`)
  const named = rowsOf('docs/decisions/0002-where-the-time-goes.md')
    .slice(2)
    .map(([, measured, aim]) => `${measured}, aim ${aim}`)
  expect(missed.length).toBeGreaterThan(0)
  expect(named.sort()).toEqual(missed.sort())
})
