/** Renders a scene's events as text, line by line. The same events always produce the same text. */
import type { DemoEvent } from './events.ts'

/** Renders one event at a time, omitting repeated decisions. */
export class Transcript {
  private desired: number | null | undefined

  /** Returns the transcript lines for one event, or an empty list for an event that only the video or the event log uses. */
  add(event: DemoEvent): string[] {
    const time = `${event.seconds.toFixed(1).padStart(6)} s `
    switch (event.kind) {
      case 'scene':
        return [`${event.name}: ${event.title}`, `on ${event.on}, seed ${event.seed}${paceWords('; ', event.timeScale)}`]
      case 'chapter':
        return ['', `== ${event.title}`]
      case 'say':
        return [`${time} ${event.text}`]
      case 'note':
        return [`${time}   ${event.name}: ${event.value}${event.unit === '' ? '' : ` ${event.unit}`}`]
      case 'load':
      case 'action':
        return [`${time} > ${event.text}`]
      case 'fault':
        return [`${time} ! ${event.text}`]
      case 'fact':
        return [`${time} ✓ ${event.what} (after ${event.tookSeconds} s)`]
      case 'unmet':
        return [`${time} ✗ ${event.what}: not within ${event.withinSeconds} s`, `${' '.repeat(10)}seen: ${event.seen}`]
      case 'decision': {
        // A decision with the same desired number of replicas as the previous one appears only in the event log.
        const isNew = event.desired !== this.desired
        this.desired = event.desired
        return isNew ? [`${time} ~ ${event.text}`] : []
      }
      case 'run':
        return [`${time} $ ${event.command}`]
      case 'still':
      case 'show':
        return []
      case 'undo':
        return [`${time} < ${event.text}`]
      case 'end':
        return ['', `${event.verdict}: ${event.text}`]
    }
  }
}

/** Describes how fast the scaler's clock runs; returns an empty string if it runs in real time. */
export const paceWords = (before: string, timeScale: number): string =>
  timeScale === 1 ? '' : `${before}the scaler's clock runs ${timeScale} times as fast`

/** Returns the complete transcript, including a final line break. */
export function transcriptOf(events: readonly DemoEvent[]): string {
  const transcript = new Transcript()
  return `${events.flatMap((event) => transcript.add(event)).join('\n')}\n`
}
