/** Checks that the lab is portable: it needs no shell, and its command line uses every port variable. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { places } from '@lab/lab/compose/places.ts'
import { settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { read, readCompose, repoFiles } from './lib/repo-files.ts'

interface Compose {
  services: Record<string, { entrypoint?: string | string[]; command?: string | string[]; ports?: string[] }>
}

const files = ['compose.yaml', 'compose.k8s-sim.yaml']
const services = files.flatMap((file) => Object.entries(readCompose<Compose>(file).services))
const envExample = read('.env.example').split('\n')
/** Names and values of the variables in .env.example. */
const listed = new Map(
  envExample.flatMap((line) => [...line.matchAll(/^#([A-Z_]+)=(.*)$/g)]).map(([, name = '', value = '']) => [name, value]),
)
const dockerfiles = repoFiles((path) => /(^|\/)Dockerfile$/.test(path))

/** The only shell scripts that are allowed. The first lines of each of these scripts explain why its task needs a shell script. */
const shellEntryPoints = ['lab.cmd', 'scaler/start.sh', 'traefik/start.sh']

describe('shells', () => {
  test('the only scripts are these and the command itself, each with its reason', () => {
    const scripts = repoFiles((path) => /\.(sh|bash|ps1|bat|cmd)$/.test(path) || /(^|\/)Makefile$/.test(path))
    expect(scripts).toEqual(shellEntryPoints)
    for (const script of scripts) expect(read(script).split('\n')[1], script).toMatch(/^(#|rem) \w/)
  })

  test('no other file starts a shell', () => {
    const wordsOf = (words: string | string[] = []) => [words].flat()
    const started = services.filter(([, { entrypoint, command }]) => {
      const [first = ''] = [...wordsOf(entrypoint), ...wordsOf(command)]
      return /(^|\/)(ba|da|a)?sh$/.test(first)
    })
    expect(started.map(([name]) => name)).toEqual(['traefik'])
    const byDockerfile = dockerfiles.filter((file) => /^(ENTRYPOINT|CMD)\s+(?!\[)|^(ENTRYPOINT|CMD).*\b(ba|da|a)?sh"/m.test(read(file)))
    expect(byDockerfile.filter((file) => file !== 'scaler/Dockerfile')).toEqual([])
  })

  test("npm's scripts also run on Windows", () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(Object.entries(scripts).filter(([, line]) => /\$\(|\$\{|`|;|\brm\b|\bcp\b|'|^[A-Z_]+=/.test(line))).toEqual([])
  })
})

describe('the file .env', () => {
  test.each(['embedded/src/main.ts', 'scaler/src/main.ts', 'tools/cli/src/run.ts'])('%s reads it before it finds the lab', (file) => {
    expect(read(file)).toMatch(/^ *loadEnvFile\(\)$/m)
  })

  test('npm scripts run no lab commands, which are subcommands of ./lab', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const programs = Object.values(scripts).flatMap((line) => /^node (\S+\.ts)$/.exec(line)?.[1] ?? [])
    expect(programs).toEqual(['embedded/src/main.ts', 'tools/generate/main.ts'])
  })
})

describe('ports', () => {
  test('the CLI has a name for every published port', () => {
    const published = services.flatMap(([, { ports = [] }]) =>
      ports.map((port) => {
        const [, variable, target] = /\$\{([A-Z_]+):-\d+\}:(\d+)$/.exec(port) ?? []
        return { variable, target: Number(target) }
      }),
    )
    const known = places.map(({ variable, target }) => ({ variable, target }))
    const byName = (list: { variable: string | undefined }[]) => list.sort((a, b) => String(a.variable).localeCompare(String(b.variable)))
    expect(byName(known)).toEqual(byName(published))
    expect(known.map(({ variable }) => variable).sort()).toEqual(Object.keys(hostPorts).sort())
  })

  test('.env.example lists every port variable with its default', () => {
    const ports = [...listed].filter(([name]) => name.endsWith('_PORT'))
    expect(ports).toEqual(Object.entries(hostPorts).map(([variable, port]) => [variable, String(port)]))
  })
})

test('a development container forwards the two ports of the embedded lab', () => {
  const { forwardPorts, portsAttributes } = JSON.parse(read('.devcontainer/devcontainer.json')) as Record<string, object>
  const ports = [hostPorts.GRAFANA_PORT, hostPorts.LAB_PORT]
  expect(forwardPorts).toEqual(ports)
  expect(Object.keys(portsAttributes ?? {})).toEqual(ports.map(String))
})

describe('.env.example', () => {
  const filledIn = [...files, 'services/common.yaml'].flatMap((file) =>
    [...read(file).matchAll(/\$\{([A-Z_]+)(?::?-((?:[^{}]|\$\{\w+\})*))?\}/g)].map(([, name = '', fallback = '']) => ({ name, fallback })),
  )
  const variables = [...new Set(filledIn.map(({ name }) => name))]

  test('sets no variable', () => {
    expect(envExample.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
  })

  test.each(variables)('%s is in .env.example, or is a documented setting of the service', (name) => {
    const explained = name in settings && read('docs/configuration.md').includes(`| \`${name}\` |`)
    expect(listed.has(name) || explained).toBe(true)
  })

  test('lists no other variable', () => {
    expect([...listed.keys()].filter((name) => !variables.includes(name))).toEqual([])
  })

  test.each([...listed])('%s=%s is the default value, if the variable has one', (name, value) => {
    const defaults = filledIn.filter((one) => one.name === name && one.fallback !== '').map(({ fallback }) => fallback)
    expect(defaults).toEqual(defaults.map(() => value))
  })
})
