/** Tests which Compose services can be scaled, and that a service that cannot be scaled is reported with a file and a line. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { serviceProblem } from './compose-service.ts'

const problemOf = (text: string, more: Readonly<Record<string, string>> = {}) => {
  const files: Readonly<Record<string, string>> = { '/p/compose.yaml': text, ...more }
  return serviceProblem(Object.keys(files), 'web', (path) => files[path] ?? null)
}
const service = (...lines: readonly string[]) =>
  ['services:', '  web:', '    image: x', ...lines.map((line) => `    ${line}`), ''].join('\n')

// The Compose files contain variables, which are not placeholders of this file.
const variable = (name: string) => `\${${name}}`

test.each([
  ['no port', []],
  ['a port that Docker chooses', ['ports:', '  - "80"']],
  ['a port that Docker chooses, on one address', ['ports:', '  - 127.0.0.1::80']],
  ['a range of ports', ['ports:', '  - 8000-8009:80']],
  ['a range in the long form', ['ports:', '  - { target: 80, published: "8000-8009" }']],
  ['a target in the long form', ['ports:', '  - target: 80']],
  ['a variable for the container port', ['ports:', `  - "${variable('PORT:-80')}"`]],
])('a service with %s can be scaled', (_what, lines) => {
  expect(problemOf(service(...lines))).toBeNull()
})

test.each([
  ['container_name', ['container_name: only'], 'compose.yaml:4 gives every container the same container_name, only'],
  ['a host port', ['ports:', '  - "443"', '  - "8080:80"'], 'compose.yaml:6 binds the host port 8080, which only one container can have'],
  ['a host port with an address', ['ports: ["127.0.0.1:8080:80/tcp"]'], 'compose.yaml:4 binds the host port 8080'],
  ['an IPv6 address', ['ports: ["[::1]:8080:80"]'], 'compose.yaml:4 binds the host port 8080'],
  ['a variable', ['ports:', `  - ${variable('WEB_PORT:-8080')}:80`], `compose.yaml:5 binds the host port ${variable('WEB_PORT:-8080')}`],
  ['the long form', ['ports:', '  - target: 80', '    published: 8080'], 'compose.yaml:5 binds the host port 8080'],
])('a service with %s cannot be scaled', (_what, lines, expected) => {
  expect(problemOf(service(...lines))).toContain(`the service web cannot be scaled: ${expected}`)
})

test('the reason may be in another file: an overlay, an extended service, or an included file', () => {
  expect(problemOf(service(), { '/p/more.yaml': service('container_name: one') })).toContain('more.yaml:4')
  const extended = service('extends: { file: base/common.yaml, service: named }')
  const files: Readonly<Record<string, string>> = {
    '/p/compose.yaml': extended,
    '/p/base/common.yaml': 'services:\n  named:\n    container_name: one\n',
    '/p/all.yaml': 'include: [compose.yaml]\n',
  }
  const read = (path: string) => files[path] ?? null
  expect(serviceProblem(['/p/compose.yaml'], 'web', read)).toContain('common.yaml:3')
  expect(serviceProblem(['/p/all.yaml'], 'web', read)).toContain('common.yaml:3')
})

test('a service that does not exist is reported with the files', () => {
  expect(serviceProblem(['/p/compose.yaml'], 'api', () => service())).toBe('the Compose files have no service api (compose.yaml)')
})

test('a service that extends itself ends the search', () => {
  expect(problemOf(service('extends: web'))).toBeNull()
})

test("in the lab's own files, ws can be scaled, and traefik cannot", () => {
  const files = ['compose.yaml', 'compose.k8s-sim.yaml']
  const read = (path: string) => readFileSync(path, 'utf8')
  expect(serviceProblem(files, 'ws', read)).toBeNull()
  expect(serviceProblem(files, 'traefik', read)).toMatch(
    /^the service traefik cannot be scaled: compose\.yaml:\d+ binds the host port \$\{LAB_PORT:-8000\}/,
  )
})
