import type { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as ws from 'ws'
import { FrameReader, maskedFrame, opcodes } from './frames.ts'

/**
 * The `ws` package serves as the reference implementation; it exports the classes Receiver and Sender, but its types do not declare them.
 */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => Writable
  Sender: { frame(payload: Buffer, options: { fin: boolean; opcode: number; mask: false; readOnly: true; rsv1: false }): Buffer[] }
}

function serverFrame(opcode: number, payload: string, fin = true): Buffer {
  return Buffer.concat(Sender.frame(Buffer.from(payload), { fin, opcode, mask: false, readOnly: true, rsv1: false }))
}

function readIn(pieces: Buffer[]) {
  const controls: [number, string][] = []
  const texts: string[] = []
  const reader = new FrameReader((opcode, payload) => controls.push([opcode, payload.toString()]))
  reader.onText = (text) => texts.push(text)
  for (const piece of pieces) reader.read(piece, 0, piece.length)
  return { reader, controls, texts }
}

describe('maskedFrame', () => {
  it.each([0, 1, 125, 126, 1000, 65_535])('creates a frame of %i bytes that ws can read', async (length) => {
    const text = 'x'.repeat(length)
    const receiver = new Receiver({ isServer: true })
    const got = new Promise<string>((resolve) => receiver.on('message', (data: Buffer) => resolve(data.toString())))
    receiver.write(maskedFrame(opcodes.text, Buffer.from(text)))
    expect(await got).toBe(text)
  })
  it('rejects a payload that is too long', () => expect(() => maskedFrame(opcodes.text, Buffer.alloc(65_536))).toThrow('65536'))
})

describe('FrameReader', () => {
  it('reads the same frames regardless of the chunk boundaries', () => {
    const messages = ['{"type":"message_response"}', '', `{"type":"room_message","data":"${'y'.repeat(300)}"}`, '{"type":"error"}']
    const stream = Buffer.concat([
      ...messages.map((text) => serverFrame(opcodes.text, text)),
      serverFrame(opcodes.ping, ''),
      serverFrame(opcodes.ping, 'abc'),
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length]
        const { reader, controls, texts } = readIn(at.slice(1).map((end, i) => stream.subarray(at[i], end)))
        expect(texts).toEqual(messages)
        expect(reader.counts.messages).toBe(4)
        expect([...'mre'].map((letter) => reader.counts.byLetter[letter.charCodeAt(0)])).toEqual([1, 1, 1])
        expect(controls).toEqual([
          [opcodes.ping, ''],
          [opcodes.ping, 'abc'],
        ])
      }),
    )
  })
  it('counts a fragmented message once', () => {
    const { reader } = readIn([serverFrame(opcodes.text, '{"type":"m', false), serverFrame(opcodes.continuation, '"}')])
    expect(reader.counts.messages).toBe(1)
  })
  it('reads only the given range of the chunk', () => {
    const frame = serverFrame(opcodes.text, 'hello')
    const reader = new FrameReader(() => {})
    reader.read(Buffer.concat([Buffer.from('HTTP'), frame, Buffer.from('rest')]), 4, 4 + frame.length)
    expect(reader.counts.messages).toBe(1)
  })
  it.each([
    ['masked', maskedFrame(opcodes.text, Buffer.from('a'))],
    ['binary', serverFrame(opcodes.binary, 'a')],
    ['64 KiB', Buffer.from([0x81, 127])],
    ['too long', Buffer.from([0x89, 126, 0, 200])],
  ])('rejects an invalid frame: %s', (word, frame) => expect(() => readIn([frame])).toThrow(word))
})
