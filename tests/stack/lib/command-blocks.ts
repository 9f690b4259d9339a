/** Reads the command blocks in the README and the documentation pages, so that tests can run the commands. */
import { globSync, readFileSync } from 'node:fs'
import { root } from './compose-file.ts'

export interface CommandBlock {
  /** The file, and the line number of the first command in the code block. */
  where: string
  commands: string
}

/** Returns all `sh` code blocks, in the order of the given files. */
export function commandBlocks(files: readonly string[]): CommandBlock[] {
  return files.flatMap((file) => {
    const text = readFileSync(`${root}${file}`, 'utf8')
    return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => ({
      where: `${file}:${text.slice(0, match.index).split('\n').length + 1}`,
      commands: match[1] ?? '',
    }))
  })
}

/** Pages with command blocks, starting with the README. */
export function pagesWithCommands(): string[] {
  const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root }).sort()]
  return pages.filter((page) => commandBlocks([page]).length > 0)
}
