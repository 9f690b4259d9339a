/** Reads a storyboard from its file. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { readStoryboard, type Storyboard } from '../core/storyboard.ts'
import { checksumOf } from './checksum.ts'

/** Folder of the storyboards that belong to the lab. */
export const storyboardFolder = join(import.meta.dirname, '../storyboards')

export interface StoryboardFile {
  storyboard: Storyboard
  /** Name of the file without its ending. */
  name: string
  /** Folder of the file, which also contains its diagrams. */
  folder: string
  /** Checksum of the storyboard and of the diagrams beside it. */
  checksum: string
}

/** Reads and checks a storyboard. @throws LabError with one line for each fault */
export function openStoryboard(file: string): StoryboardFile {
  const text = readText(file)
  const read = readStoryboard(text, relative(process.cwd(), file).startsWith('..') ? file : relative(process.cwd(), file))
  if (!read.ok) throw new LabError(read.problems.join('\n'))
  const folder = dirname(file)
  const diagrams = readdirSync(folder).filter((name) => name.endsWith('.svg'))
  const parts = diagrams.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
  return {
    storyboard: read.value,
    name: basename(file).replace(/\.ya?ml$/, ''),
    folder,
    checksum: checksumOf([{ name: 'storyboard', text }, ...parts]),
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const example = relative(root, join(storyboardFolder, 'lab.yaml'))
    throw new LabError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}; allowed is a storyboard such as ${example}`)
  }
}
