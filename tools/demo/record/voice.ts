/** Speaks captions with espeak-ng, and joins them into the film's narration. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

export const speaker = 'espeak-ng'
/** Words per minute. The pace is slightly faster than that of a reader, so that most captions need no extra time. */
const wordsPerMinute = 165
const speakWithinMs = 30_000

/** Sound samples: 16 bits, one channel. */
export interface Sound {
  rate: number
  samples: Buffer
}

/** Returns whether espeak-ng is installed. */
export const hasVoice = async (): Promise<boolean> =>
  !(await execa(speaker, ['--version'], { reject: false, timeout: speakWithinMs })).failed

/** Speaks each text. @param folder folder for temporary files */
export async function speak(texts: readonly string[], folder: string): Promise<Sound[]> {
  const sounds: Sound[] = []
  for (const [index, text] of texts.entries()) {
    const file = join(folder, `voice-${index}.wav`)
    await execa(speaker, ['-v', 'en-gb', '-s', String(wordsPerMinute), '-w', file, '--', text], { timeout: speakWithinMs })
    sounds.push(soundOf(await readFile(file)))
  }
  return sounds
}

export const soundSeconds = ({ rate, samples }: Sound): number => samples.length / 2 / rate

/** Reads a WAV file with 16-bit samples of one channel. @throws Error if the file has another format */
export function soundOf(wav: Buffer): Sound {
  const rate = wav.readUInt32LE(24)
  const at = wav.indexOf('data')
  if (wav.toString('latin1', 0, 4) !== 'RIFF' || wav.readUInt16LE(22) !== 1 || wav.readUInt16LE(34) !== 16 || at < 0)
    throw new Error('the program wrote no WAV file with 16-bit samples of one channel')
  return { rate, samples: wav.subarray(at + 8) }
}

/**
 * Joins sounds into one WAV file of the given length, with silence between them.
 * @param starts start time of each sound in seconds
 */
export function narrationOf(sounds: readonly Sound[], starts: readonly number[], seconds: number): Buffer {
  const rate = sounds[0]?.rate ?? 22_050
  const samples = Buffer.alloc(Math.ceil(seconds * rate) * 2)
  for (const [index, sound] of sounds.entries()) sound.samples.copy(samples, Math.round((starts[index] ?? 0) * rate) * 2)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples.length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.length, 40)
  return Buffer.concat([header, samples])
}
