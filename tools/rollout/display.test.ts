/** Tests a rollout's output, both on a terminal and without one. */
import type { RolloutView } from '@lab/lab/compose/rollout/carry-out.ts'
import { expect, test } from 'vitest'
import { displayOn, frame, type Screen } from './display.ts'

const replica = (number: number, updated: boolean, state: 'available' | 'starting') =>
  ({ id: `${number}`, name: `ws-${number}`, number, updated, state, createdAtSeconds: 0, detail: 'it serves' }) as const
const view: RolloutView = {
  rollout: { target: 2, replicas: 2, rollingBack: false },
  replicas: [replica(2, false, 'available'), replica(3, true, 'available'), replica(4, true, 'starting')],
}

test('the table has a progress bar, and no line is longer than the terminal', () => {
  expect(frame(view, 7, 200)).toEqual([
    '[############............] rolling out revision 2: 1 of 2 replicas updated and available, 7 s',
    '  REPLICA  REVISION  STATE',
    '  ws-2     old       available    it serves',
    '  ws-3     2         available    it serves',
    '  ws-4     2         starting     it serves',
  ])
  for (const line of frame(view, 7, 20)) expect(line.length).toBeLessThan(20)
  expect(frame({ ...view, rollout: { ...view.rollout, replicas: 0 }, replicas: [] }, 0, 80)).toHaveLength(2)
})

/** A simulated terminal that stores the lines it shows and the position of the cursor. */
function terminal(isTTY: boolean) {
  let lines: string[] = []
  let at = 0
  const screen = {
    isTTY,
    columns: 80,
    write: (text: string) => {
      for (const line of text.split('\n').slice(0, -1)) lines[at++] = line
      return true
    },
    moveCursor: (_dx: number, dy: number) => {
      at += dy
      return true
    },
    clearScreenDown: () => {
      lines = lines.slice(0, at)
      return true
    },
  }
  return { screen: screen as unknown as Screen, lines: () => lines }
}

test('on a terminal, lines stay above the table, which is drawn once', () => {
  const { screen, lines } = terminal(true)
  const display = displayOn(screen)
  display.show?.(view)
  display.say('ws-1 drains')
  display.show?.({ ...view, replicas: view.replicas.slice(1) })
  display.say('ws-2 drains')
  display.end()
  expect(lines()).toEqual(['ws-1 drains', 'ws-2 drains', ...frame({ ...view, replicas: view.replicas.slice(1) }, 0, 80)])
  display.say('after 7 s')
  expect(lines().at(-1)).toBe('after 7 s')
  expect(lines().filter((line) => line.startsWith('['))).toHaveLength(1)
})

test('without a terminal, the display prints only lines', () => {
  const { screen, lines } = terminal(false)
  const display = displayOn(screen)
  expect(display.show).toBeUndefined()
  display.say('ws-1 drains')
  display.end()
  expect(lines()).toEqual(['ws-1 drains'])
})
