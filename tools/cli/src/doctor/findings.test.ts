/** Checks that `doctor` reports the right finding for each problem that a machine can have. */
import { failure, success } from '@lab/contract/result.ts'
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

/** The facts of a machine without any problems. */
const healthy: Facts = {
  platform: 'linux',
  engine,
  compose: success('2.40.3-3'),
  settingProblems: [],
  withScaler: false,
  context: { name: 'default', host: 'unix:///var/run/docker.sock' },
  ports: [labPort, { variable: 'GRAFANA_PORT', port: 3000, needed: true, state: 'free' }],
  disk: { path: '/var/lib/docker', freeBytes: 60 * gib },
  images: [{ image: 'traefik:v3.6.12', present: true }],
  containers: [],
  folder: '/lab',
  project: 'lab',
  lineEndings: success([]),
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
  /** A pattern that the finding's text or advice must match. */
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
  { name: 'compose-missing', facts: { ...healthy, compose: failure('not a docker command') }, level: 'blocked', says: /plugin/ },
  { name: 'compose-old', facts: { ...healthy, compose: success('v2.29.7') }, level: 'blocked', says: /v2\.29\.7[\s\S]*2\.30 or later/ },
  {
    name: 'configuration-invalid',
    facts: { ...healthy, configProblem: 'invalid port' },
    level: 'blocked',
    says: /invalid port[\s\S]*\.env/,
  },
  {
    name: 'setting-refused',
    facts: { ...healthy, settingProblems: [{ service: 'ws', text: 'MAX_CONNECTIONS="lots": allowed is a whole number' }] },
    level: 'blocked',
    says: /ws would not start: MAX_CONNECTIONS="lots"[\s\S]*\.env/,
  },
  {
    name: 'setting-refused',
    facts: { ...healthy, settingProblems: [{ service: 'scaler', text: 'SCALER_TIME_SCALE="x"' }] },
    level: 'warning',
    says: /scaler would not start/,
  },
  { name: 'port-zero', facts: withPort({ port: 0 }), level: 'blocked', says: /LAB_PORT=0: allowed is a port from 1 to 65535/ },
  {
    name: 'engine-remote',
    facts: { ...healthy, context: { name: 'far', host: 'ssh://me@far' } },
    level: 'warning',
    says: /far, ssh:[\s\S]*on its own machine/,
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
    name: 'replicas-outdated',
    facts: { ...healthy, outdated: success({ replicas: ['ws-1', 'ws-2'], sockets: 60 }) },
    level: 'warning',
    says: /recreate 2 running replicas at once and cut off 60 sockets: ws-1, ws-2[\s\S]*\.\/lab rollout/,
  },
  {
    name: 'replicas-unchecked',
    facts: { ...healthy, outdated: failure('docker inspect: no answer within 30 s') },
    level: 'warning',
    says: /docker inspect: no answer[\s\S]*\.\/lab rollout --dry-run/,
  },
  {
    name: 'containers-stopped',
    facts: { ...healthy, containers: [container({ state: 'exited' })] },
    level: 'warning',
    says: /lab-traefik-1[\s\S]*\.\/lab down/,
  },
  {
    name: 'images-missing',
    facts: { ...healthy, images: [{ image: 'grafana/grafana:12.4.0', present: false }] },
    level: 'warning',
    says: /1 of 1[\s\S]*grafana[\s\S]*\.\/lab images load/,
  },
  {
    name: 'line-endings',
    facts: { ...healthy, lineEndings: success(['traefik/start.sh']) },
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

test('a machine without problems has a fine finding for every subject', () => {
  const findings = findingsOf(healthy)
  expect(findings.filter(({ level }) => level !== 'fine')).toEqual([])
  expect(findings.map(({ subject }) => subject)).toEqual([...subjects])
  expect(exitCodeOf(findings)).toBe(0)
})

test('every finding has a test case', () => {
  expect([...new Set(faults.map(({ name }) => name))].sort()).toEqual(Object.keys(findingNames).sort())
})

test.each(faults)('$name', ({ name, facts, level, says }) => {
  const findings = findingsOf(facts)
  const unwell = findings.filter((finding) => finding.level !== 'fine')
  expect(unwell.map((finding) => [finding.name, finding.level])).toEqual([[name, level]])
  expect(`${unwell[0]?.text}\n${unwell[0]?.advice}`).toMatch(says)
  expect(exitCodeOf(findings)).toBe(level === 'blocked' ? 1 : 2)
})

describe('is not reported as a fault', () => {
  const noFault: [string, Facts][] = [
    ['a port that the running lab uses', withPort({ state: 'ours' })],
    ['a slow answer with the time', withEngine({ skewMs: 2_900, uncertaintyMs: 1_000 })],
    ['an engine behind a tunnel on this machine', { ...healthy, context: { name: 'x', host: 'tcp://127.0.0.1:2375' } }],
    ['a replica that the scaler has started', { ...healthy, containers: [container({ service: 'ws', folder: '/lab/live' })] }],
    ['a proxy with an exception for this machine', { ...healthy, proxies: [{ where: 'HTTP_PROXY', noProxy: '.example.org, localhost' }] }],
    ['a folder without git', { ...healthy, lineEndings: failure('not a git repository') }],
    ['an arm64 machine', { ...withEngine({ architecture: 'aarch64' }), defaultPlatform: 'linux/arm64/v8' }],
    ['Compose 5', { ...healthy, compose: success('5.0.0') }],
  ]
  test.each(noFault)('%s', (_what, facts) => {
    expect(findingsOf(facts).filter(({ level }) => level !== 'fine')).toEqual([])
  })
})

describe('the level of a finding', () => {
  const levelOf = (facts: Facts) => findingsOf(facts).find(({ name }) => name !== undefined)?.level

  test('a taken port of an inactive profile is a warning', () => {
    expect(levelOf(withPort({ state: 'taken', needed: false }))).toBe('warning')
  })

  test('a denied port blocks on Windows and with a rootless engine; elsewhere the engine may open it as root', () => {
    expect(levelOf(withPort({ state: 'denied' }, 'win32'))).toBe('blocked')
    expect(levelOf(withPort({ state: 'denied' }))).toBe('warning')
    const rootless = findingsOf({ ...withEngine({ rootless: true }), ports: [{ ...labPort, state: 'denied' }] })
    expect(rootless.find(({ name }) => name === 'port-denied')?.level).toBe('blocked')
  })

  test('a carriage return blocks in a script, and is a warning elsewhere', () => {
    expect(levelOf({ ...healthy, lineEndings: success(['README.md']) })).toBe('warning')
  })
})
