/** Joins sounds into a narration, and speaks a caption if the machine has espeak-ng. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hasVoice, narrationOf, soundOf, soundSeconds, speak } from './voice.ts'

const tone = (value: number, samples: number) => ({ rate: 100, samples: Buffer.alloc(samples * 2, Buffer.from([value, 0])) })

test('a narration has each sound at its time, and silence between them', () => {
  const wav = narrationOf([tone(7, 50), tone(9, 100)], [1, 2], 4)
  const joined = soundOf(wav)
  expect(soundSeconds(joined)).toBe(4)
  const at = (seconds: number) => joined.samples.readInt16LE(seconds * 200)
  expect([0.5, 1, 1.49, 1.5, 2, 2.99, 3].map(at)).toEqual([0, 7, 7, 0, 9, 9, 0])
})

test('a file that is not a WAV file is refused', () => {
  expect(() => soundOf(Buffer.alloc(100))).toThrow('wrote no WAV file with 16-bit samples of one channel')
})

test.skipIf(!(await hasVoice()))('a caption is spoken at about the speed of reading', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'voice-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [sound] = await speak(['Now many clients connect at once.'], folder)
  const seconds = sound === undefined ? 0 : soundSeconds(sound)
  expect(seconds).toBeGreaterThan(1)
  expect(seconds).toBeLessThan(5)
})
