/** Splits a scene's captions into cues and computes when each cue is shown. Pure. */

export const captionRules = {
  lines: 2,
  /** Maximum length of a line, in characters. */
  width: 42,
  minSeconds: 1,
  maxSeconds: 7,
  wordsPerMinute: 170,
  /** Duration of one video frame. Captions start and end exactly on a frame. Seconds. */
  frame: 0.08,
} as const

/** The text of a caption event, and the event's time in the recording. */
export interface Said {
  /** Time since the recording began, in seconds. */
  seconds: number
  text: string
  /** Minimum duration of all of the text's cues together, for example that of its narration. Seconds. */
  lasts?: number
}

export interface Cue {
  /** Start time in seconds, rounded to a whole number of frames. */
  start: number
  end: number
  lines: string[]
}

/** A caption cue with the index of the caption event whose text it shows in full or in part. */
export interface SaidCue extends Cue {
  said: number
}

/** Maximum number of words that a viewer can read while one cue is shown. */
export const maxWords = Math.floor((captionRules.maxSeconds * captionRules.wordsPerMinute) / 60)

export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/**
 * Computes the cues for the texts of all caption events. A cue begins at the time of its caption event, or later if the previous cue is
 * still shown at that time.
 * @param said the caption events in chronological order
 */
export function cuesOf(said: readonly Said[]): SaidCue[] {
  const cues: SaidCue[] = []
  said.forEach(({ seconds, text, lasts = 0 }, index) => {
    const blocks = blocksOf(text)
    const reading = blocks.reduce((sum, lines) => sum + readingSeconds(lines), 0)
    const longer = Math.max(1, lasts / reading)
    for (const lines of blocks) {
      const start = Math.max(upToFrame(seconds), cues.at(-1)?.end ?? 0)
      const shown = Math.min(longestSeconds, upToFrame(readingSeconds(lines) * longer))
      cues.push({ start, end: onFrame(start + shown), lines, said: index })
    }
  })
  return cues
}

/** Returns how many seconds the given lines must be shown, rounded up to a whole number of frames, so that a viewer can read them. */
export function readingSeconds(lines: readonly string[]): number {
  const { minSeconds, wordsPerMinute } = captionRules
  const needed = (lines.flatMap(wordsOf).length / wordsPerMinute) * 60
  // The reading time is increased by 15 %, so that the viewer can also watch the video.
  return Math.min(longestSeconds, Math.max(upToFrame(minSeconds), upToFrame(needed * 1.15)))
}

/**
 * Splits a caption's text into blocks whose lines fit the caption area. If possible, each block of a long caption ends at a clause
 * boundary.
 */
export function blocksOf(text: string): string[][] {
  const left = wordsOf(text).flatMap(chopped)
  const blocks: string[][] = []
  while (left.length > 0) {
    const most = mostThatFit(left)
    const count = most === left.length ? most : clauseWithin(left, most)
    blocks.push(linesOf(left.splice(0, count)))
  }
  return blocks
}

/** Splits up a word that is longer than a line. */
function chopped(word: string): string[] {
  const characters = [...word]
  const pieces: string[] = []
  while (characters.length > 0) pieces.push(characters.splice(0, captionRules.width).join(''))
  return pieces
}

/** Returns how many of the given words fit into one block. */
function mostThatFit(words: readonly string[]): number {
  let count = 1
  while (count < Math.min(words.length, maxWords) && filled(words.slice(0, count + 1)).length <= captionRules.lines) count++
  return count
}

/**
 * Returns how many words to place in a caption block that has room for `most` words. If possible, the block ends at a clause boundary and
 * is at least a third full.
 */
function clauseWithin(words: readonly string[], most: number): number {
  const enough = Math.ceil(most / 3)
  for (const ends of [/[.!?:;]$/, /,$/]) {
    for (let count = most; count >= enough; count--) if (ends.test(words[count - 1] ?? '')) return count
  }
  for (let count = most; count >= enough; count--)
    if (/^(and|but|so|while|because|for|until|that|which|when)$/.test(words[count] ?? '')) return count
  // The remaining words are divided into two blocks of equal length, so that the last block does not consist of a single word.
  return words.length < most * 2 && words.length <= maxWords * 2 ? Math.min(most, Math.ceil(words.length / 2)) : most
}

/** Distributes words over lines, filling one line after another. */
function filled(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const line = lines.at(-1)
    if (line !== undefined && lengthOf(`${line} ${word}`) <= captionRules.width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Arranges a block's words in one line, or in two lines of similar length that preferably break at a clause boundary. */
function linesOf(words: readonly string[]): string[] {
  const whole = words.join(' ')
  if (lengthOf(whole) <= captionRules.width) return [whole]
  let best: { lines: string[]; cost: number } | undefined
  for (let count = 1; count < words.length; count++) {
    const lines = [words.slice(0, count).join(' '), words.slice(count).join(' ')]
    if (lines.some((line) => lengthOf(line) > captionRules.width)) continue
    const [first = '', second = ''] = lines
    const cost =
      Math.abs(lengthOf(first) - lengthOf(second)) -
      (/[.!?]$/.test(first) ? 18 : /[,;]$/.test(first) ? 14 : /:$/.test(first) ? 4 : 0) +
      (/\d$/.test(first) ? 14 : 0)
    if (best === undefined || cost < best.cost) best = { lines, cost }
  }
  return best?.lines ?? filled(words)
}

/** Counts visible characters (Unicode code points). */
export const lengthOf = (text: string): number => [...text].length

const frames = (seconds: number) => seconds / captionRules.frame
/** The longest duration of a cue, in whole frames. Seconds. */
const longestSeconds = Math.floor(frames(captionRules.maxSeconds)) / 12.5
/** The nearest frame. */
export const onFrame = (seconds: number): number => Math.round(frames(seconds)) / 12.5
const upToFrame = (seconds: number): number => Math.ceil(frames(seconds) - 1e-6) / 12.5

/** Lists the violations of the caption rules, one line each; empty if there are none. */
export function cueFaults(cues: readonly Cue[]): string[] {
  const { lines: most, width, minSeconds, maxSeconds, wordsPerMinute, frame } = captionRules
  const faults: string[] = []
  cues.forEach(({ start, end, lines }, index) => {
    const fault = (text: string) => faults.push(`caption ${index + 1} (${lines.join(' / ')}): ${text}`)
    const seconds = end - start
    const words = lines.flatMap(wordsOf).length
    if (lines.length < 1 || lines.length > most) fault(`${lines.length} lines, allowed are 1 to ${most}`)
    for (const line of lines) if (lengthOf(line) > width) fault(`${lengthOf(line)} characters in a line, allowed are ${width}`)
    // Times in caption files are rounded to thousandths of a second.
    if (seconds < minSeconds - 0.001 || seconds > maxSeconds + 0.001)
      fault(`shows for ${seconds.toFixed(2)} s, allowed are ${minSeconds} to ${maxSeconds}`)
    if ((words / (seconds + 0.001)) * 60 > wordsPerMinute)
      fault(`${words} words in ${seconds.toFixed(2)} s, allowed are ${wordsPerMinute} a minute`)
    const next = cues[index + 1]
    if (next !== undefined && next.start < end - frame / 2) fault('the next caption begins before this one ends')
  })
  return faults
}
