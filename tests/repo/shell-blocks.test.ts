/** The commands that pages tell people to type, as interactive shells take them: zsh, macOS's own, knows no comments there and splits no variable. */
import { describe, expect, test } from 'vitest'
import { read, repoFiles } from './lib/repo-files.ts'

const pages = repoFiles((path) => path === 'README.md' || /^(docs|workshop)\/.*\.md$/.test(path))
const blocksOf = (page: string) => [...read(page).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands)

test('pages have such blocks', () => {
  expect(pages.flatMap(blocksOf).length).toBeGreaterThan(30)
})

test.each(pages.filter((page) => blocksOf(page).length > 0))('%s can be pasted into bash and zsh', (page) => {
  expect(blocksOf(page).flatMap(problemsOf)).toEqual([])
})

describe('the check itself', () => {
  test.each([
    ['sleep 20   # a while', 'a comment: sleep 20   # a while'],
    ['# first', 'a comment: # first'],
    [`lab up \${OPTIONS-}`, `a variable without quotes: lab up \${OPTIONS-}`],
    ['wait $pid', 'a variable without quotes: wait $pid'],
  ])('finds what is wrong with %j', (line, problem) => {
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
  ])('leaves %j alone', (block) => {
    expect(problemsOf(`${block}\n`)).toEqual([])
  })
})

/** What a block's lines hold that bash takes and zsh does not; what is quoted is left alone, a here-document is, too. */
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
