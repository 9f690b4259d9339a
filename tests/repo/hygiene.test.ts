/** Checks that no committed file contains CRLF line endings, machine-specific paths, private registries or secrets. */
import { describe, expect, test } from 'vitest'
import { read, repoFiles } from './lib/repo-files.ts'

const binary = /\.(png|jpe?g|gif|ico|mp4|webm|woff2?|gz)$/
const texts = repoFiles((path) => !binary.test(path))
/** All text files except this test file, which contains examples of the forbidden strings. */
const others = texts.filter((path) => path !== 'tests/repo/hygiene.test.ts')

const forbidden: Record<string, RegExp> = {
  'a path of one machine': /(?<![\w.])\/(?:root|work|Users)\/\w|(?<![\w.])\/home\/(?!node\b)\w|[A-Z]:\\Users\\/,
  'a private registry or mirror':
    /https?:\/\/(?!registry\.npmjs\.org)[\w.-]*(?:registry|artifactory|nexus|mirror|proxy)[\w.-]*\.[a-z]{2,}/i,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  // On npm, the name `lab` belongs to another project's package, so users must type `./lab` and never `npx lab`.
  'a removed command': /\bnpx lab\b|npm run (?:--silent )?(?:scaler|lab|prove|demo|storm|chaos|panels|bench|compare|conformance|k8s-sim)\b/,
  'an access token': /\b(?:ghp_|github_pat_|glpat-|xox[bp]-|AKIA)[A-Za-z0-9_-]{12,}/,
}

test('git checks files out with LF on every system', () => {
  expect(read('.gitattributes').split('\n')).toContain('* text=auto eol=lf')
})

test('no file contains a carriage return', () => {
  expect(texts.filter((path) => read(path).includes('\r\n'))).toEqual([])
})

test.each(Object.entries(forbidden))('no file contains %s', (_what, pattern) => {
  expect(others.flatMap((path) => findings(read(path), pattern).map((found) => `${path}: ${found}`))).toEqual([])
})

test('every locked package comes from the public registry', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string; link?: boolean }> }
  const sources = Object.values(packages).flatMap(({ resolved, link }) =>
    resolved === undefined || link ? [] : [new URL(resolved).origin],
  )
  expect([...new Set(sources)].filter((origin) => origin !== 'https://registry.npmjs.org')).toEqual([])
})

test('direct dependencies are pinned to one version', () => {
  const manifests = repoFiles((path) => path.endsWith('package.json'))
  const loose = manifests.flatMap((file) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(file)) as Record<string, Record<string, string>>
    const all = Object.entries({ ...dependencies, ...devDependencies })
    // The version of @types/node follows Node's major version.
    return all.filter(([name, version]) => !/^\d+\.\d+\.\d+$/.test(version) && name !== '@types/node').map(([name]) => `${file}: ${name}`)
  })
  expect(loose).toEqual([])
})

describe('the check itself', () => {
  test.each([
    ['a path of one machine', 'cd /root/lab', true],
    ['a path of one machine', 'cd /home/anna/lab', true],
    ['a path of one machine', 'C:\\Users\\anna', true],
    ['a path of one machine', 'WORKDIR /home/node/app', false],
    ['a path of one machine', 'https://example.org/work/x', false],
    ['a private registry or mirror', 'https://npm-mirror.example.com/x', true],
    ['a private registry or mirror', 'https://registry.npmjs.org/x', false],
    ['a private registry or mirror', 'tcp://socket-proxy:2375', false],
    ['an access token', `ghp_${'a'.repeat(36)}`, true],
    ['a removed command', 'npm run --silent scaler -- get hpa', true],
    ['a removed command', './lab scaler get hpa', false],
    ['a removed command', 'npm run test:chaos', false],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----', true],
  ])('%s in "%s": %s', (what, text, found) => {
    const pattern = forbidden[what] ?? /$^/
    expect(findings(text, pattern).length > 0).toBe(found)
  })
})

function findings(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(new RegExp(pattern.source, `${pattern.flags}g`))].map(([found]) => found)
}
