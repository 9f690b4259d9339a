/**
 * Checks that command blocks work in interactive bash and zsh. Interactive zsh does not recognise comments or split variables into words.
 */
import { describe, expect, test } from 'vitest'
import { labCommandsIn, labProblems } from './lib/lab-commands.ts'
import { read, repoFiles } from './lib/repo-files.ts'

const pages = repoFiles((path) => path === 'README.md' || /^(docs|workshop)\/.*\.md$/.test(path))
const blocksOf = (page: string) => [...read(page).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands)

test('the pages have command blocks', () => {
  expect(pages.flatMap(blocksOf).length).toBeGreaterThan(30)
})

test.each(pages.filter((page) => blocksOf(page).length > 0))('%s can be pasted into bash and zsh', (page) => {
  expect(blocksOf(page).flatMap(problemsOf)).toEqual([])
})

test.each(pages)('%s uses existing commands and options of ./lab', (page) => {
  const code = [...read(page).matchAll(/^```sh\n([\s\S]*?)^```|`([^`\n]+)`/gm)].flatMap(([, block, inline]) =>
    (block ?? inline ?? '').split('\n'),
  )
  const wrong = code.flatMap((line) => labCommandsIn(line).flatMap((words) => labProblems(words).map((problem) => `${problem}: ${line}`)))
  expect(wrong).toEqual([])
})

describe('the check itself', () => {
  test.each([
    ['sleep 20   # a while', 'a comment: sleep 20   # a while'],
    ['# first', 'a comment: # first'],
    [`lab up \${OPTIONS-}`, `a variable without quotes: lab up \${OPTIONS-}`],
    ['wait $pid', 'a variable without quotes: wait $pid'],
  ])('finds the problem of %j', (line, problem) => {
    expect(problemsOf(`${line}\n`)).toEqual([problem])
  })

  test.each([
    `curl 'http://localhost/#top' "http://localhost:\${LAB_PORT:-8000}/#x"`,
    'curl http://localhost/#top',
    'docker stop $(docker compose ps -q ws | head -n 1) || [ $? = 1 ]',
    'run & pid=$!',
    `cat > file <<'YAML'
# a comment of YAML's
\${not a variable}
YAML`,
  ])('accepts %j', (block) => {
    expect(problemsOf(`${block}\n`)).toEqual([])
  })
})

/** Syntax of a block that works in bash but not in zsh. Quoted text and here-documents are ignored. */
function problemsOf(block: string): string[] {
  const typed = block.replaceAll(/<<'(\w+)'\n[\s\S]*?^\1$/gm, '')
  return typed.split('\n').flatMap((line) => {
    const bare = line.replaceAll(/'[^']*'|"[^"]*"/g, 'quoted')
    return [
      ...(/(^|\s)#/.test(bare) ? [`a comment: ${line}`] : []),
      ...(/\$\{|\$[A-Za-z_]/.test(bare) ? [`a variable without quotes: ${line}`] : []),
    ]
  })
}
