import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textFrame } from './text-frame.ts'

/** The ws library's frame parser, which is missing from the library's type definitions. */
const { Receiver } = createRequire(import.meta.url)('ws') as { Receiver: new (options: { isServer: boolean }) => Writable }

/** Returns the text that a peer would receive from the given bytes, as parsed by the ws library. */
function read({ frame }: { frame: Buffer }): Promise<string> {
  return new Promise((resolve, reject) => {
    const receiver = new Receiver({ isServer: false })
    receiver.on('message', (data: Buffer, isBinary: boolean) => (isBinary ? reject(new Error('binary')) : resolve(data.toString())))
    receiver.on('error', reject)
    receiver.write(frame)
  })
}

test.each([0, 1, 125, 126, 65_535, 65_536, 100_000])('a text of %i bytes arrives unchanged', async (length) => {
  const text = 'x'.repeat(length)
  expect(await read(textFrame(text))).toBe(text)
  expect(await read(textFrame(Buffer.from(text)))).toBe(text)
})

test('head and tail arrive as one text, whether the head is a string or bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.nat(), async (head, seq) => {
      const tail = `,"seq":${seq}}`
      expect(await read(textFrame(head, tail))).toBe(head + tail)
      expect(await read(textFrame(Buffer.from(head), tail))).toBe(head + tail)
    }),
  )
})
