/** What lets the lab run anywhere: no shell needed, images for both architectures, every port known to the CLI. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { describe, expect, test } from 'vitest'
import { places } from '../../cli/src/places.ts'
import { settings } from '../../services/ws/src/config.ts'
import { read, readYaml, repoFiles } from './lib/repo-files.ts'

interface Compose {
  services: Record<string, { image?: string; entrypoint?: string | string[]; command?: string | string[]; ports?: string[] }>
}

const files = ['compose.yaml', 'compose.k8s-sim.yaml']
const services = files.flatMap((file) => Object.entries(readYaml<Compose>(file).services))
const envExample = read('.env.example').split('\n')
/** Name and value of each variable on it. */
const listed = new Map(
  envExample.flatMap((line) => [...line.matchAll(/^#([A-Z_]+)=(.*)$/g)]).map(([, name = '', value = '']) => [name, value]),
)
const dockerfiles = repoFiles((path) => /(^|\/)Dockerfile$/.test(path))

/** Each says in its first lines why it is one. */
const shellEntryPoints = ['scaler/start.sh', 'traefik/start.sh']

describe('shells', () => {
  test('there are no scripts but those two, each with its reason', () => {
    const scripts = repoFiles((path) => /\.(sh|bash|ps1|bat|cmd)$/.test(path) || /(^|\/)Makefile$/.test(path))
    expect(scripts).toEqual(shellEntryPoints)
    for (const script of scripts) expect(read(script).split('\n')[1], script).toMatch(/^# \w/)
  })

  test('nothing else is started by a shell', () => {
    const wordsOf = (words: string | string[] = []) => [words].flat()
    const started = services.filter(([, { entrypoint, command }]) => {
      const [first = ''] = [...wordsOf(entrypoint), ...wordsOf(command)]
      return /(^|\/)(ba|da|a)?sh$/.test(first)
    })
    expect(started.map(([name]) => name)).toEqual(['traefik'])
    const byDockerfile = dockerfiles.filter((file) => /^(ENTRYPOINT|CMD)\s+(?!\[)|^(ENTRYPOINT|CMD).*\b(ba|da|a)?sh"/m.test(read(file)))
    expect(byDockerfile.filter((file) => file !== 'scaler/Dockerfile')).toEqual([])
  })

  test("npm's scripts run on Windows, too", () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(Object.entries(scripts).filter(([, line]) => /\$\(|\$\{|`|;|\brm\b|\bcp\b|'|^[A-Z_]+=/.test(line))).toEqual([])
  })
})

describe('images', () => {
  const named = services.flatMap(([, { image }]) => image ?? [])
  const bases = dockerfiles.flatMap((file) =>
    [...read(file).matchAll(/^FROM\s+(\S+)|--from=(\S+:\S+)/gm)].flatMap(([, base, from]) => (base ?? from) || []),
  )
  const stages = dockerfiles.flatMap((file) => [...read(file).matchAll(/\bAS\s+(\S+)/gim)].map(([, stage]) => stage))
  const used = [...new Set([...named, ...bases])].filter((image) => !stages.includes(image)).sort()
  const rows = read('docs/container-images.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))

  test('each that is used stands on docs/container-images.md, in its version, and no other', () => {
    expect(used.length).toBeGreaterThan(8)
    expect(rows.map(([, image]) => image)).toEqual(used)
  })

  test.each(rows)('%s%s exists for amd64 and arm64, and it is said why we know', (_, _image, architectures = '', source = '') => {
    expect(architectures.split(', ')).toEqual(expect.arrayContaining(['amd64', 'arm64']))
    expect(source).toMatch(/https:\/\//)
  })
})

describe('the file .env', () => {
  /** They speak to no lab. */
  const alone = ['generate', 'bench', 'compare', 'bench:scaler', 'conformance']
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const commands = Object.entries(scripts).flatMap(([name, line]) => {
    const [, file] = /^node (\S+\.ts)$/.exec(line) ?? []
    return file === undefined || alone.includes(name) ? [] : [[name, file] as const]
  })

  test.each(commands)('npm run %s reads it before it looks for the lab', (_name, file) => {
    expect(read(file)).toMatch(/^ *loadEnvFile\(\)$/m)
  })

  test('there are such commands', () => {
    expect(commands.map(([name]) => name)).toEqual(expect.arrayContaining(['start', 'lab', 'scaler', 'panels', 'prove', 'chaos', 'demo']))
  })
})

describe('ports', () => {
  test('the CLI knows the place behind every published port', () => {
    const published = services.flatMap(([service, { ports = [] }]) =>
      ports.map((port) => {
        const [, variable, target] = /\$\{([A-Z_]+):-\d+\}:(\d+)$/.exec(port) ?? []
        return { service, variable, target: Number(target) }
      }),
    )
    const known = places.map(({ service, variable, target }) => ({ service, variable, target }))
    const byName = (list: { variable: string | undefined }[]) => list.sort((a, b) => String(a.variable).localeCompare(String(b.variable)))
    expect(byName(known)).toEqual(byName(published))
    expect(known.map(({ variable }) => variable).sort()).toEqual(Object.keys(hostPorts).sort())
  })

  test('.env.example lists every one with its default', () => {
    const ports = [...listed].filter(([name]) => name.endsWith('_PORT'))
    expect(ports).toEqual(Object.entries(hostPorts).map(([variable, port]) => [variable, String(port)]))
  })
})

describe('.env.example', () => {
  const filledIn = files.flatMap((file) =>
    [...read(file).matchAll(/\$\{([A-Z_]+)(?::?-([^}]*))?\}/g)].map(([, name = '', fallback = '']) => ({ name, fallback })),
  )
  const variables = [...new Set(filledIn.map(({ name }) => name))]

  test('sets none', () => {
    expect(envExample.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
  })

  test.each(variables)('%s is listed, or the service has it and docs/configuration.md tells of it', (name) => {
    const explained = name in settings && read('docs/configuration.md').includes(`| \`${name}\` |`)
    expect(listed.has(name) || explained).toBe(true)
  })

  test('knows no other variable', () => {
    expect([...listed.keys()].filter((name) => !variables.includes(name))).toEqual([])
  })

  test.each([...listed])('%s=%s is the default, where there is one', (name, value) => {
    const defaults = filledIn.filter((one) => one.name === name && one.fallback !== '').map(({ fallback }) => fallback)
    expect(defaults).toEqual(defaults.map(() => value))
  })
})
