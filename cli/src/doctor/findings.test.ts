/** Every finding, from the fault that makes it. */
import { describe, expect, test } from 'vitest'
import type { EngineFact, Facts, PortFact } from './facts.ts'
import { type FindingName, findingNames, type Level, subjects } from './finding.ts'
import { exitCodeOf, findingsOf } from './findings.ts'

const gib = 2 ** 30

const engine: Extract<EngineFact, { state: 'answers' }> = {
  state: 'answers',
  version: '28.5.2+dfsg4',
  api: '1.51',
  minApi: '1.24',
  clientVersion: '28.2.2',
  osType: 'linux',
  architecture: 'x86_64',
  cpus: 4,
  memoryBytes: 8 * gib,
  rootless: false,
  skewMs: 20,
  uncertaintyMs: 50,
}

const labPort: PortFact = { variable: 'LAB_PORT', port: 8000, needed: true, state: 'free' }

/** A machine on which all is well. */
const healthy: Facts = {
  platform: 'linux',
  engine,
  compose: { version: '2.40.3-3' },
  context: { name: 'default', host: 'unix:///var/run/docker.sock' },
  ports: [labPort, { variable: 'GRAFANA_PORT', port: 3000, needed: true, state: 'free' }],
  disk: { path: '/var/lib/docker', freeBytes: 60 * gib },
  images: [{ image: 'traefik:v3.6.12', present: true }],
  containers: [],
  folder: '/lab',
  project: 'lab',
  lineEndings: { crlf: [] },
  proxies: [],
}

const withEngine = (changes: Partial<typeof engine>): Facts => ({ ...healthy, engine: { ...engine, ...changes } })
const withPort = (changes: Partial<PortFact>, platform: NodeJS.Platform = 'linux'): Facts => ({
  ...healthy,
  platform,
  ports: [{ ...labPort, ...changes }],
})
const container = (changes: object) => ({ name: 'lab-traefik-1', service: 'traefik', state: 'running', folder: '/lab', ...changes })

interface Fault {
  name: FindingName
  facts: Facts
  level: Level
  /** What the person must read. */
  says: RegExp
}

const faults: Fault[] = [
  { name: 'docker-missing', facts: { ...healthy, engine: { state: 'no-command' } }, level: 'blocked', says: /Install Docker/ },
  {
    name: 'engine-denied',
    facts: { ...healthy, engine: { state: 'denied', text: 'dial unix' } },
    level: 'blocked',
    says: /usermod -aG docker/,
  },
  {
    name: 'engine-not-running',
    facts: { ...healthy, engine: { state: 'not-running', text: 'x' } },
    level: 'blocked',
    says: /systemctl start/,
  },
  { name: 'engine-silent', facts: { ...healthy, engine: { state: 'silent', seconds: 30 } }, level: 'blocked', says: /within 30 s/ },
  { name: 'engine-refused', facts: { ...healthy, engine: { state: 'refused', text: 'EOF' } }, level: 'blocked', says: /EOF.*default/ },
  { name: 'engine-old', facts: withEngine({ version: '27.5.1' }), level: 'blocked', says: /27\.5\.1[\s\S]*28\.0 or later/ },
  { name: 'engine-too-new', facts: withEngine({ minApi: '1.52' }), level: 'warning', says: /1\.52/ },
  { name: 'compose-missing', facts: { ...healthy, compose: { problem: 'not a docker command' } }, level: 'blocked', says: /plugin/ },
  { name: 'compose-old', facts: { ...healthy, compose: { version: 'v2.29.7' } }, level: 'blocked', says: /v2\.29\.7[\s\S]*2\.30 or later/ },
  {
    name: 'configuration-invalid',
    facts: { ...healthy, configProblem: 'invalid port' },
    level: 'blocked',
    says: /invalid port[\s\S]*\.env/,
  },
  {
    name: 'engine-remote',
    facts: { ...healthy, context: { name: 'far', host: 'ssh://me@far' } },
    level: 'warning',
    says: /far, ssh:[\s\S]*machine of the engine/,
  },
  { name: 'engine-rootless', facts: withEngine({ rootless: true }), level: 'warning', says: /docker\.sock/ },
  { name: 'windows-containers', facts: withEngine({ osType: 'windows' }), level: 'blocked', says: /Linux containers/ },
  { name: 'architecture-unknown', facts: withEngine({ architecture: 'riscv64' }), level: 'blocked', says: /riscv64[\s\S]*amd64 and arm64/ },
  {
    name: 'architecture-emulated',
    facts: { ...withEngine({ architecture: 'aarch64' }), defaultPlatform: 'linux/amd64' },
    level: 'warning',
    says: /Unset DOCKER_DEFAULT_PLATFORM/,
  },
  { name: 'memory-short', facts: withEngine({ memoryBytes: 1.9 * gib }), level: 'blocked', says: /1\.9 GiB[\s\S]*needs 2 GiB/ },
  { name: 'memory-tight', facts: withEngine({ memoryBytes: 3.8 * gib }), level: 'warning', says: /3\.8 GiB/ },
  { name: 'cores-few', facts: withEngine({ cpus: 1 }), level: 'warning', says: /^1 for the engine/ },
  { name: 'disk-short', facts: { ...healthy, disk: { path: '/d', freeBytes: 0.5 * gib } }, level: 'blocked', says: /0\.5 GiB free in \/d/ },
  { name: 'disk-tight', facts: { ...healthy, disk: { path: '/d', freeBytes: 4 * gib } }, level: 'warning', says: /docker system df/ },
  { name: 'clock-off', facts: withEngine({ skewMs: -7200_000 }), level: 'warning', says: /7200\.0 s behind/ },
  {
    name: 'port-taken',
    facts: withPort({ state: 'taken', owner: 'nginx (process 12)', free: 8001 }),
    level: 'blocked',
    says: /LAB_PORT=8000: in use by nginx \(process 12\)[\s\S]*\.env: LAB_PORT=8001$/,
  },
  {
    name: 'port-denied',
    facts: withPort({ state: 'denied', port: 80, free: 1024 }),
    level: 'warning',
    says: /may not open[\s\S]*LAB_PORT=1024/,
  },
  {
    name: 'port-twice',
    facts: { ...healthy, ports: [labPort, { variable: 'GRAFANA_PORT', port: 8000, needed: true, state: 'free', free: 8001 }] },
    level: 'blocked',
    says: /LAB_PORT and GRAFANA_PORT are both 8000[\s\S]*GRAFANA_PORT=8001/,
  },
  {
    name: 'containers-elsewhere',
    facts: { ...healthy, containers: [container({ folder: '/other' })] },
    level: 'warning',
    says: /\/other[\s\S]*COMPOSE_PROJECT_NAME/,
  },
  {
    name: 'containers-stopped',
    facts: { ...healthy, containers: [container({ state: 'exited' })] },
    level: 'warning',
    says: /lab-traefik-1[\s\S]*lab down/,
  },
  {
    name: 'images-missing',
    facts: { ...healthy, images: [{ image: 'grafana/grafana:12.4.0', present: false }] },
    level: 'warning',
    says: /1 of 1[\s\S]*grafana[\s\S]*lab images load/,
  },
  {
    name: 'line-endings',
    facts: { ...healthy, lineEndings: { crlf: ['traefik/start.sh'] } },
    level: 'blocked',
    says: /traefik\/start\.sh/,
  },
  {
    name: 'proxy-local',
    facts: { ...healthy, proxies: [{ where: 'HTTP_PROXY', noProxy: 'example.org' }] },
    level: 'warning',
    says: /HTTP_PROXY[\s\S]*NO_PROXY=localhost/,
  },
]

test('nothing is found where all is well, and everything was looked at', () => {
  const findings = findingsOf(healthy)
  expect(findings.filter(({ level }) => level !== 'fine')).toEqual([])
  expect(findings.map(({ subject }) => subject)).toEqual([...subjects])
  expect(exitCodeOf(findings)).toBe(0)
})

test('each finding that there is has its fault here', () => {
  expect(faults.map(({ name }) => name).sort()).toEqual(Object.keys(findingNames).sort())
})

test.each(faults)('$name', ({ name, facts, level, says }) => {
  const findings = findingsOf(facts)
  const unwell = findings.filter((finding) => finding.level !== 'fine')
  expect(unwell.map((finding) => [finding.name, finding.level])).toEqual([[name, level]])
  expect(`${unwell[0]?.text}\n${unwell[0]?.advice}`).toMatch(says)
  expect(exitCodeOf(findings)).toBe(level === 'blocked' ? 1 : 2)
})

describe('what is no fault', () => {
  const noFault: [string, Facts][] = [
    ['ports that the running lab has', withPort({ state: 'ours' })],
    ['a slow answer about the time', withEngine({ skewMs: 2_900, uncertaintyMs: 1_000 })],
    ['an engine in a tunnel to this machine', { ...healthy, context: { name: 'x', host: 'tcp://127.0.0.1:2375' } }],
    ['replicas that the scaler has started', { ...healthy, containers: [container({ service: 'ws', folder: '/lab/live' })] }],
    ['a proxy that leaves this machine alone', { ...healthy, proxies: [{ where: 'HTTP_PROXY', noProxy: '.example.org, localhost' }] }],
    ['a folder without git', { ...healthy, lineEndings: { problem: 'not a git repository' } }],
    ['an arm64 machine', { ...withEngine({ architecture: 'aarch64' }), defaultPlatform: 'linux/arm64/v8' }],
    ['Compose 5', { ...healthy, compose: { version: '5.0.0' } }],
  ]
  test.each(noFault)('%s', (_what, facts) => {
    expect(findingsOf(facts).filter(({ level }) => level !== 'fine')).toEqual([])
  })
})

describe('how much it matters', () => {
  const levelOf = (facts: Facts) => findingsOf(facts).find(({ name }) => name !== undefined)?.level

  test('a port of a profile that is off only warns', () => {
    expect(levelOf(withPort({ state: 'taken', needed: false }))).toBe('warning')
  })

  test('a port that Windows keeps to itself blocks; elsewhere the engine may open it as root, unless it is rootless', () => {
    expect(levelOf(withPort({ state: 'denied' }, 'win32'))).toBe('blocked')
    expect(levelOf(withPort({ state: 'denied' }))).toBe('warning')
    const rootless = findingsOf({ ...withEngine({ rootless: true }), ports: [{ ...labPort, state: 'denied' }] })
    expect(rootless.find(({ name }) => name === 'port-denied')?.level).toBe('blocked')
  })

  test('a carriage return breaks a script, and is untidy elsewhere', () => {
    expect(levelOf({ ...healthy, lineEndings: { crlf: ['README.md'] } })).toBe('warning')
  })
})
