/** A scene as text, line by line as it happens. Pure: the same events give the same text. */
import type { DemoEvent } from './events.ts'

/** Makes the lines of one event after the other. */
export class Transcript {
  private desired: number | null | undefined

  /** Lines for this event; none for what only a picture or the log is for. */
  add(event: DemoEvent): string[] {
    const time = `${event.seconds.toFixed(1).padStart(6)} s `
    switch (event.kind) {
      case 'scene':
        return [`${event.name}: ${event.title}`, `on ${event.surface}, seed ${event.seed}${paceWords('; ', event.timeScale)}`]
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
        // One that changes nothing is for the log.
        const isNew = event.desired !== this.desired
        this.desired = event.desired
        return isNew ? [`${time} ~ ${event.text}`] : []
      }
      case 'still':
        return []
      case 'undo':
        return [`${time} < ${event.text}`]
      case 'end':
        return ['', `${event.verdict}: ${event.text}`]
    }
  }
}

/** That the scaler's time is compressed, where it is. */
export const paceWords = (before: string, timeScale: number): string =>
  timeScale === 1 ? '' : `${before}the scaler's clock runs ${timeScale} times as fast`

/** The whole of it, with a line end. */
export function transcriptOf(events: readonly DemoEvent[]): string {
  const transcript = new Transcript()
  return `${events.flatMap((event) => transcript.add(event)).join('\n')}\n`
}
