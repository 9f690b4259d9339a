/** Checks that links between documents point to existing files and headings. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { read, repoFiles, root } from './lib/repo-files.ts'

interface PageLink {
  target: string
  anchor: string
}

const documents = repoFiles((path) => path.endsWith('.md'))

describe.each(documents)('%s', (file) => {
  test('has relative links that resolve', () => {
    expect(brokenLinks(file, read(file))).toEqual([])
  })
})

test('docs/README.md links to every page of docs/', () => {
  const listed = links(read('docs/README.md')).map(({ target }) => join('docs', target))
  const pages = documents.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md')
  // Each runbook is named after its alert, so a link to the runbooks folder is sufficient.
  expect(
    pages.filter((path) => !listed.includes(path) && !(listed.includes('docs/runbooks') && dirname(path) === 'docs/runbooks')),
  ).toEqual([])
})

describe('the check itself', () => {
  test('finds a missing file and a missing heading', () => {
    const text = '[a](metrics.md) [b](nowhere.md) [c](metrics.md#gauges) [d](metrics.md#nothing) [e](https://example.org/x)\n`[f](code.md)`'
    expect(brokenLinks('docs/x.md', text)).toEqual(['nowhere.md', 'metrics.md#nothing'])
  })
})

function brokenLinks(file: string, text: string): string[] {
  return links(text)
    .filter(({ target, anchor }) => {
      const path = target === '' ? file : join(dirname(file), target)
      if (!existsSync(join(root, path))) return true
      return anchor !== '' && path.endsWith('.md') && !anchors(path === file ? text : read(path)).has(anchor)
    })
    .map(({ target, anchor }) => (anchor === '' ? target : `${target}#${anchor}`))
}

/** Returns a page's relative links and images, except those in code blocks. */
function links(text: string): PageLink[] {
  const prose = text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [target = '', anchor = ''] = link.split('#')
      return { target, anchor }
    })
}

/** The anchors that GitHub generates from the headings of a page. */
function anchors(text: string): Set<string> {
  const headings = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
