/**
 * Checks commit subjects: `node tests/lint/subjects.ts BASE..HEAD`. Exits with code 1 if a subject does not have the form `area: what
 * changed`.
 */
import { execFileSync } from 'node:child_process'

const longest = 72

/** Returns what is wrong with a commit subject, or undefined if the subject is valid. */
export function problemOf(subject: string): string | undefined {
  if (subject.length > longest) return `has ${subject.length} characters, allowed are ${longest}`
  if (!/^[a-z][\w.()/, -]*: \S/.test(subject)) return 'is not `area: what changed`, with the area in lower case'
  return subject.endsWith('.') ? 'ends with a full stop' : undefined
}

if (import.meta.main) {
  const [range] = process.argv.slice(2)
  if (range === undefined) {
    console.error('usage: node tests/lint/subjects.ts BASE..HEAD')
    process.exit(2)
  }
  const lines = execFileSync('git', ['log', '--no-merges', '--format=%h %s', range], { encoding: 'utf8' }).split('\n').filter(Boolean)
  const wrong = lines.flatMap((line) => {
    const problem = problemOf(line.slice(line.indexOf(' ') + 1))
    return problem === undefined ? [] : [`${line}\n  the subject ${problem}`]
  })
  for (const text of wrong) console.error(text)
  process.exitCode = wrong.length > 0 ? 1 : 0
}
