/** The commands that the README and the docs tell people to type. */
import { globSync, readFileSync } from 'node:fs'
import { root } from './compose-file.ts'

export interface CommandBlock {
  /** File and line of its first command. */
  where: string
  commands: string
}

/** Every fenced block marked `sh`, in the order of the files given. */
export function commandBlocks(files: readonly string[]): CommandBlock[] {
  return files.flatMap((file) => {
    const text = readFileSync(`${root}${file}`, 'utf8')
    return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => ({
      where: `${file}:${text.slice(0, match.index).split('\n').length + 1}`,
      commands: match[1] ?? '',
    }))
  })
}

/** Pages with commands, the README first. */
export function pagesWithCommands(): string[] {
  const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root }).sort()]
  return pages.filter((page) => commandBlocks([page]).length > 0)
}
