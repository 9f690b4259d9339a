/** What is said, as captions: how they are cut, and when they show. Pure. */

export const captionRules = {
  lines: 2,
  /** Characters of a line. */
  width: 42,
  minSeconds: 1,
  maxSeconds: 7,
  wordsPerMinute: 170,
  /** A picture of the film. Captions begin and end with one. Seconds. */
  frame: 0.04,
} as const

/** Something said, at a moment of the recording. */
export interface Said {
  /** Seconds since the recording began. */
  seconds: number
  text: string
}

export interface Cue {
  /** Seconds; whole frames. */
  start: number
  end: number
  lines: string[]
}

/** A cue, and which of the things said it belongs to. */
export interface SaidCue extends Cue {
  said: number
}

/** Words that one cue may have and still be read in time. */
export const maxWords = Math.floor((captionRules.maxSeconds * captionRules.wordsPerMinute) / 60)

export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/**
 * When each thing said is shown: from the moment it is said, or as soon as the one before has been read.
 * @param said in the order of time
 */
export function cuesOf(said: readonly Said[]): SaidCue[] {
  const cues: SaidCue[] = []
  said.forEach(({ seconds, text }, index) => {
    for (const lines of blocksOf(text)) {
      const start = Math.max(upToFrame(seconds), cues.at(-1)?.end ?? 0)
      cues.push({ start, end: onFrame(start + readingSeconds(lines)), lines, said: index })
    }
  })
  return cues
}

/** How long these lines show: long enough to read them. Seconds, whole frames. */
export function readingSeconds(lines: readonly string[]): number {
  const { minSeconds, maxSeconds, wordsPerMinute } = captionRules
  const needed = (lines.flatMap(wordsOf).length / wordsPerMinute) * 60
  // A breath more than is needed: who reads also looks.
  return Math.min(maxSeconds, Math.max(minSeconds, upToFrame(needed), upToFrame(needed * 1.15)))
}

/** A text in blocks of lines that fit; long ones end with a clause where they can. */
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

/** A word longer than a line, in pieces. */
function chopped(word: string): string[] {
  const characters = [...word]
  const pieces: string[] = []
  while (characters.length > 0) pieces.push(characters.splice(0, captionRules.width).join(''))
  return pieces
}

/** How many of these words go into one block. */
function mostThatFit(words: readonly string[]): number {
  let count = 1
  while (count < Math.min(words.length, maxWords) && filled(words.slice(0, count + 1)).length <= captionRules.lines) count++
  return count
}

/** Where to end a block that can't hold everything: after the last clause in it, unless that leaves it nearly empty. */
function clauseWithin(words: readonly string[], most: number): number {
  const enough = Math.ceil(most / 3)
  for (const ends of [/[.!?:;]$/, /,$/]) {
    for (let count = most; count >= enough; count--) if (ends.test(words[count - 1] ?? '')) return count
  }
  for (let count = most; count >= enough; count--)
    if (/^(and|but|so|while|because|for|until|that|which|when)$/.test(words[count] ?? '')) return count
  // Half of what is left, rather than one word that is left over.
  return words.length < most * 2 && words.length <= maxWords * 2 ? Math.min(most, Math.ceil(words.length / 2)) : most
}

/** Lines filled one after the other. */
function filled(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const line = lines.at(-1)
    if (line !== undefined && lengthOf(`${line} ${word}`) <= captionRules.width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** A block's words in one line, or in two: broken at a clause, and about equally long. */
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

/** Characters as one sees them. */
export const lengthOf = (text: string): number => [...text].length

const frames = (seconds: number) => seconds / captionRules.frame
/** The nearest frame. */
export const onFrame = (seconds: number): number => Math.round(frames(seconds)) / 25
const upToFrame = (seconds: number): number => Math.ceil(frames(seconds) - 1e-6) / 25

/** What is wrong with these cues; nothing, when they can be read. */
export function cueFaults(cues: readonly Cue[]): string[] {
  const { lines: most, width, minSeconds, maxSeconds, wordsPerMinute, frame } = captionRules
  const faults: string[] = []
  cues.forEach(({ start, end, lines }, index) => {
    const fault = (text: string) => faults.push(`caption ${index + 1} (${lines.join(' / ')}): ${text}`)
    const seconds = end - start
    const words = lines.flatMap(wordsOf).length
    if (lines.length < 1 || lines.length > most) fault(`${lines.length} lines, allowed are 1 to ${most}`)
    for (const line of lines) if (lengthOf(line) > width) fault(`${lengthOf(line)} characters in a line, allowed are ${width}`)
    // Times in files are rounded to a thousandth.
    if (seconds < minSeconds - 0.001 || seconds > maxSeconds + 0.001)
      fault(`shows for ${seconds.toFixed(2)} s, allowed are ${minSeconds} to ${maxSeconds}`)
    if ((words / (seconds + 0.001)) * 60 > wordsPerMinute)
      fault(`${words} words in ${seconds.toFixed(2)} s, allowed are ${wordsPerMinute} a minute`)
    const next = cues[index + 1]
    if (next !== undefined && next.start < end - frame / 2) fault('the next one begins before it ends')
  })
  return faults
}
