/** The film in words, for who does not watch it: what is said when, and where each number is from. Pure. */
import type { DemoEvent } from '../core/events.ts'
import { paceWords } from '../core/transcript.ts'
import { claimsOf } from './claims.ts'
import type { FilmPlan } from './film.ts'

/** @param filmTimeOf when the film shows a moment; from Unix milliseconds to seconds */
export function transcriptPage(events: readonly DemoEvent[], plan: Pick<FilmPlan, 'labels'>, filmTimeOf: (at: number) => number): string {
  const lines = events.flatMap((event): string[] => {
    const time = clock(filmTimeOf(event.at))
    switch (event.kind) {
      case 'scene':
        return [
          '',
          `## ${event.name}: ${event.title}`,
          '',
          `On the ${event.surface} lab, seed ${event.seed}${paceWords('; ', event.timeScale)}.`,
        ]
      case 'chapter':
        return ['', `### ${event.title}`, '']
      case 'say':
        return [`- \`${time}\` ${event.text}${sourcesOf(event)}`]
      case 'load':
      case 'action':
      case 'fault':
        return [`- \`${time}\` *${event.text}*`]
      case 'end':
        return ['', `${event.verdict === 'passed' ? 'Passed' : event.verdict}: ${event.text}.`]
      default:
        return []
    }
  })
  const paces = plan.labels.map(({ start, end, text }) => `${clock(start)} to ${clock(end)} ${text}`)
  return `# Transcript of the film

Each number was measured at the moment at which it is said. Made by \`npm run demo:record\`.
${paces.length === 0 ? '' : `Not at its own pace: ${paces.join(', ')}.\n`}${lines.join('\n')}
`
}

function sourcesOf({ text, numbers }: Extract<DemoEvent, { kind: 'say' }>): string {
  const sources = claimsOf(text, numbers).flatMap((claim) => (claim.measured === null ? [] : [`${claim.text}: ${claim.measured.source}`]))
  return sources.length === 0 ? '' : `\n  (${[...new Set(sources)].join('; ')})`
}

const clock = (seconds: number) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
