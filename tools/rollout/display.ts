/**
 * Shows a rollout's progress: as a table that is redrawn on a terminal, and as lines of text elsewhere. The display installs no signal
 * handlers, because the rollout itself handles Ctrl-C and ends before its next step.
 */
import type { CarryOut, RolloutView } from '@lab/lab/compose/rollout/carry-out.ts'
import { replicaRows } from './text.ts'

const redrawEveryMs = 1_000
const barWidth = 24

/** The part of a terminal's stream that the display uses. */
export type Screen = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write' | 'moveCursor' | 'clearScreenDown'>

export interface Display extends Pick<CarryOut, 'say' | 'show'> {
  /** Ends the display and leaves the last table on the screen. */
  end(): void
}

/** The table. Pure. @param width maximum length of a line, chosen so that no line wraps */
export function frame({ rollout, replicas }: RolloutView, seconds: number, width: number): string[] {
  const done = replicas.filter(({ updated, state }) => updated && state === 'available').length
  const full = Math.min(barWidth, Math.round((barWidth * done) / Math.max(1, rollout.replicas)))
  const bar = `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]`
  const way = rollout.rollingBack ? 'rolling back to' : 'rolling out'
  const head = `${bar} ${way} revision ${rollout.target}: ${done} of ${rollout.replicas} replicas updated and available, ${seconds} s`
  return [head, ...replicaRows(replicas, rollout.target)].map((line) => line.slice(0, Math.max(1, width - 1)))
}

/** @param screen the standard output stream */
export function displayOn(screen: Screen): Display {
  if (!screen.isTTY) return { say: (line) => void screen.write(`${line}\n`), end: () => undefined }
  const startedAtMs = performance.now()
  let view: RolloutView | undefined
  let drawn = 0
  const erase = () => {
    if (drawn > 0) screen.moveCursor(0, -drawn)
    screen.clearScreenDown()
    drawn = 0
  }
  const draw = () => {
    erase()
    if (view === undefined) return
    const lines = frame(view, Math.round((performance.now() - startedAtMs) / 1000), screen.columns)
    screen.write(lines.map((line) => `${line}\n`).join(''))
    drawn = lines.length
  }
  // The timer updates the elapsed seconds while an action is running.
  const timer = setInterval(draw, redrawEveryMs)
  return {
    say: (line) => {
      erase()
      screen.write(`${line}\n`)
      draw()
    },
    show: (now) => {
      view = now
      draw()
    },
    end: () => {
      clearInterval(timer)
      view = undefined
      drawn = 0
    },
  }
}
