/**
 * Formats findings as lines of text with level, subject, description and advice. The output is coloured only if the stream is a terminal.
 */
import { styleText } from 'node:util'
import { type Finding, type Level, subjects } from './finding.ts'

const signs: Record<Level, string> = { fine: 'ok', warning: 'warning', blocked: 'BLOCKED' }
const colors: Record<Level, 'green' | 'yellow' | 'red'> = { fine: 'green', warning: 'yellow', blocked: 'red' }

export function findingLines(findings: readonly Finding[], stream: NodeJS.WriteStream = process.stderr): string {
  const signWidth = Math.max(...Object.values(signs).map(({ length }) => length))
  const subjectWidth = Math.max(...subjects.map(({ length }) => length))
  const indent = ' '.repeat(signWidth + subjectWidth + 4)
  return findings
    .map(({ level, subject, text, advice }) => {
      const sign = styleText(colors[level], signs[level].padEnd(signWidth), { stream })
      return `${sign}  ${subject.padEnd(subjectWidth)}  ${text}\n${advice ? `${indent}${advice}\n` : ''}`
    })
    .join('')
}
