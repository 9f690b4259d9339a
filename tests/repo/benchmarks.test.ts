/** Checks that docs/decisions/0002 lists the targets that were missed according to docs/benchmarks.md, which `./lab bench` overwrites. */
import { expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

/** Returns the cells of all table rows on a page. */
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

/** Returns the median from a table cell that contains the minimum, median and maximum; the median is in bold. */
const median = (cell = '') => /\*\*(.+)\*\*/.exec(cell)?.[1] ?? ''

test('decision 2 lists exactly the rows that the benchmarks mark as not met', () => {
  const missed = rowsOf('docs/benchmarks.md')
    .filter((cells) => cells[5] === '**not met**')
    .map(([, , service, ratio, aim = '']) => `${median(aim.startsWith('ratio') ? ratio : service)}, aim ${aim}`)
  const named = rowsOf('docs/decisions/0002-where-the-time-goes.md')
    .slice(2)
    .map(([, measured, aim]) => `${measured}, aim ${aim}`)
  expect(missed.length).toBeGreaterThan(0)
  expect(named.sort()).toEqual(missed.sort())
})
