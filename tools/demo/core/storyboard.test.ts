/** Checks that a storyboard is read from YAML, and that each fault is one line with its place and what is allowed. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readStoryboard } from './storyboard.ts'

const own = (name: string) => readFileSync(new URL(`../storyboards/${name}`, import.meta.url), 'utf8')
const valid = `title: A test
chapters:
  - title: One
    steps:
      - show: [grafana lab-users, page]
      - say: "{sockets} sockets."
      - load: 20
      - until: sockets >= wanted and replicas == 2
`

test('a storyboard is read with its defaults', () => {
  const read = readStoryboard(valid, 'my.yaml')
  expect(read.ok && read.value.chapters[0]?.steps).toEqual([
    { kind: 'show', show: ['grafana lab-users', 'page'] },
    { kind: 'say', say: ['{sockets} sockets.'] },
    { kind: 'load', load: 20 },
    { kind: 'until', until: 'sockets >= wanted and replicas == 2', within: 60 },
  ])
})

describe('a fault is reported in one line', () => {
  test.each([
    ['title: A test', 'tilte: A test', /^my\.yaml:1: tilte is not a key here; allowed are title, opening, ending, chapters$/m],
    ['- load: 20', '- laod: 20', /^my\.yaml:7: chapters\[1\]\.steps\[3\]: this step has no action; allowed are show, say, load, /],
    ['load: 20', 'load: 9000', /^my\.yaml:7: chapters\[1\]\.steps\[3\]\.load: allowed is a whole number from 0 to 5000$/],
    ['{sockets}', '{socket}', /^my\.yaml:6: .*: there is no number \{socket\}; allowed are replicas, starting, /],
    ['{sockets} sockets', '20 sockets', /^my\.yaml:6: .*: a caption must not contain digits; allowed are \{NAMES\} of measured numbers$/],
    ['sockets >=', 'sockets =>', /^my\.yaml:8: .*until: not a condition: sockets => wanted; allowed is NUMBER OPERATOR NUMBER/],
    ['== 2', '== two', /^my\.yaml:8: .*: there is no number two; allowed are a whole number and replicas, /],
    ['page]', 'video]', /^my\.yaml:5: .*: there is no view "video"; allowed are page, charts, client, traefik, terminal, grafana UID, /],
    ['      - load: 20', '      - load: 20\n        for: 3', /^my\.yaml:8: .*: for is not a key here; allowed are load$/],
    ['chapters:', 'chapters: 3\nrest:', /^my\.yaml:2: chapters: allowed is a list of chapters$/m],
    ['chapters:', ' chapters: [', /^my\.yaml:\d+: /],
    [valid, '', /^my\.yaml:1: the file is empty; allowed are title, opening, ending, chapters$/],
  ])('%j instead of %j', (right, wrong, expected) => {
    const read = readStoryboard(valid.replace(right, wrong), 'my.yaml')
    expect(read.ok ? 'valid' : read.problems.join('\n')).toMatch(expected)
    if (!read.ok) for (const line of read.problems) expect(line).toMatch(/^my\.yaml:\d+: [^\n]+$/)
  })
})

test("the lab's own storyboards are valid", () => {
  for (const name of ['lab.yaml', 'stills.yaml']) expect(readStoryboard(own(name), name)).toMatchObject({ ok: true })
})
