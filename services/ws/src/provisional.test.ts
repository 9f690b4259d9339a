import { expect, test } from 'vitest'
import { Provisional } from './provisional.ts'
import type { TextFrame } from './text-frame.ts'

const draft = (room: string, text: string) => ({ room, head: Buffer.from(`{"room":"${room}","data":"${text}"`) })
const textOf = ({ frame, payloadBytes }: TextFrame) => frame.subarray(frame.length - payloadBytes).toString()

/** Returns the provisional messages that a new member of the given rooms receives. */
function given(provisional: Provisional, ...rooms: string[]): string[] {
  return [...provisional.of(new Set(rooms))].map((frame) => (JSON.parse(textOf(frame)) as { data: string }).data)
}

test('a new member receives the waiting messages of its rooms in order, until they are stored', () => {
  const provisional = new Provisional()
  const [one, two, three] = [draft('tea', 'one'), draft('milk', 'two'), draft('tea', 'three')]
  expect(textOf(provisional.add(one))).toBe('{"room":"tea","data":"one","provisional":true}')
  provisional.add(two)
  provisional.add(three)
  expect(given(provisional, 'tea')).toEqual(['one', 'three'])
  expect(given(provisional, 'tea', 'milk')).toEqual(['one', 'two', 'three'])
  provisional.stored(Buffer.from(one.head))
  expect(given(provisional, 'tea', 'milk')).toEqual(['two', 'three'])
  provisional.clear()
  expect(given(provisional, 'tea', 'milk')).toEqual([])
})
