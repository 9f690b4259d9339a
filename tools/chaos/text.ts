/** Formats the output of the `chaos` command. Pure. */
import { faults, singleFaultNames } from '@lab/faults/catalogue/index.ts'
import type { Finding } from '@lab/faults/core/judge.ts'
import type { FaultPlan } from '@lab/faults/fault.ts'
import { labKinds } from '@lab/lab/lab.ts'

/** Formats the fault catalogue as a table with each fault's effect and its default duration on each kind of lab. */
export function listText(): string {
  const rows = singleFaultNames.map((name) => {
    const { on, what } = faults[name]
    return [name, ...labKinds.map((kind) => (on[kind] === undefined ? '-' : `${on[kind].seconds} s`)), what]
  })
  const table = [['fault', ...labKinds, 'what it does'], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  return table
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Formats the text that is printed before a fault begins. */
export function planText({ fault, does, expect, notes, byHand }: FaultPlan): string {
  const lines = (phase: 'during' | 'after') =>
    expect
      .filter((expectation) => expectation.phase === phase)
      .map(({ what, withinSeconds }) => `  ${withinSeconds === undefined ? 'always' : `≤ ${withinSeconds} s`.padEnd(6)}  ${what}`)
  return [
    `${fault}: ${does}`,
    'Expected during the fault:',
    ...lines('during'),
    'Expected after the undo:',
    ...lines('after'),
    ...(notes.length === 0 ? [] : ['Notes:', ...notes.map((note) => `  ${note}`)]),
    'The command undoes the fault at the end and at Ctrl-C. If the command is killed, undo it by hand:',
    ...byHand.map((line) => `  ${line}`),
  ].join('\n')
}

/** Formats the result of `--check`. */
export function resultText(findings: readonly Finding[]): string {
  const failed = findings.filter(({ asExpected }) => !asExpected)
  if (failed.length === 0) return `Expectations met: ${findings.length} of ${findings.length}.`
  return [
    `Expectations not met: ${failed.length} of ${findings.length}.`,
    ...failed.map(({ what, detail }) => `  ${what}: ${detail}`),
  ].join('\n')
}
