/** What is printed. Pure. */
import { faults } from './faults.ts'
import type { Ground, Plan } from './types.ts'
import type { Finding } from './verdict.ts'

/** The catalogue as a table. */
export function listText(): string {
  const cell = (ground: Ground, seconds: Partial<Record<Ground, number>>) => (seconds[ground] === undefined ? '-' : `${seconds[ground]} s`)
  const rows = Object.entries(faults).map(([name, { what, seconds }]) => [name, cell('compose', seconds), cell('embedded', seconds), what])
  const table = [['fault', 'Compose', 'embedded', 'what happens'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  return table.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}

/** What is said before anything is done. */
export function planText({ fault, does, statements, notes, byHand }: Plan): string {
  const lines = (phase: 'during' | 'after') =>
    statements
      .filter((statement) => statement.phase === phase)
      .map(({ what, withinSeconds }) => `  ${withinSeconds === undefined ? 'always' : `≤ ${withinSeconds} s`.padEnd(6)}  ${what}`)
  return [
    `${fault}: ${does}`,
    'While it lasts:',
    ...lines('during'),
    'Once it is undone:',
    ...lines('after'),
    ...(notes.length === 0 ? [] : ['Besides:', ...notes.map((note) => `  ${note}`)]),
    'It is undone by itself, and by Ctrl-C. Should this command be killed, by hand:',
    ...byHand.map((line) => `  ${line}`),
  ].join('\n')
}

/** The verdict of --check. */
export function verdictText(findings: readonly Finding[]): string {
  const failed = findings.filter(({ came }) => !came)
  if (failed.length === 0) return `All ${findings.length} statements came true.`
  return [
    `${failed.length} of ${findings.length} statements did not come true:`,
    ...failed.map(({ what, detail }) => `  ${what}: ${detail}`),
  ].join('\n')
}
