/** Tests the files that a rollout writes: .env lines, a Traefik route, the rollout record, and the Compose file of an existing replica. */
import { mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { cookieFor, rolloutReplica } from './observe.ts'
import { rolloutRoutes, weightsOf } from './route.ts'
import { routeFileText } from './route-file.ts'
import { withSettings } from './settings.ts'
import { type Revision, type RolloutRecord, rolloutStore, storedRevisions, withEvent, withRevision } from './store.ts'
import { changedSettings, fileOfReplica, revisionTag } from './versions.ts'

describe('.env', () => {
  const text = '# mine\nLAB_PORT=8001\n#LOG_LEVEL=info\nDRAIN_RATE=100\n'

  test('changes only the requested lines', () => {
    expect(withSettings(text, { DRAIN_RATE: '200', LOG_LEVEL: 'debug' })).toBe(
      '# mine\nLAB_PORT=8001\n#LOG_LEVEL=info\nDRAIN_RATE=200\nLOG_LEVEL=debug\n',
    )
  })

  test('restores the previous values', () => {
    expect(withSettings(withSettings(text, { LOG_LEVEL: 'debug' }), { LOG_LEVEL: null })).toBe(text)
  })

  test('quotes a value that Compose would interpolate', () => {
    expect(withSettings('', { RESUME_SECRET: 'a $b' })).toBe("RESUME_SECRET='a $b'\n")
  })
})

const hardened = readFileSync(new URL('../../../../traefik/dynamic/hardened.yaml', import.meta.url), 'utf8')

describe('the route', () => {
  const servers = [
    { address: '172.18.0.9', filled: 1 },
    { address: '172.18.0.10', filled: 0 },
  ]

  test('routes most connections to the replica with the fewest sockets, and some to each replica', () => {
    expect(weightsOf(servers)).toEqual([1, 100])
    expect(weightsOf([{ address: 'a', filled: 2 }])).toEqual([1])
  })

  test('applies to its own lab only, and falls back to all replicas', () => {
    const text = routeFileText(rolloutRoutes('lab2', servers), hardened)
    expect(text.split('\n')[0]).toBe('{{ if eq (env "LAB_PROJECT") "lab2" }}')
    const { http } = partsOf(text).plain
    expect(Object.keys(http.routers)).toEqual(['rollout'])
    expect(http.services).toMatchObject({
      rollout: { failover: { service: 'updated', fallback: 'ws@docker' } },
      updated: {
        loadBalancer: {
          servers: [
            { url: 'http://172.18.0.9:3001', weight: 1 },
            { url: 'http://172.18.0.10:3001', weight: 100 },
          ],
        },
      },
    })
  })
})

describe('the route of a lab with limits', () => {
  test('replaces each limited route by a route with a higher priority', () => {
    const { routers } = partsOf(routeFileText(rolloutRoutes('lab2', [{ address: '172.18.0.9', filled: 0 }]), hardened)).hardened.http
    const limits = (parse(hardened.replaceAll(/^\{\{.*\}\}$/gm, '')) as RouteFile).http.routers
    expect(Object.keys(limits).length).toBeGreaterThan(0)
    expect(routers.rollout).toMatchObject({ entryPoints: ['load'] })
    for (const [name, limit] of Object.entries(limits)) {
      const { priority, ...router } = routers[`rollout-${name}`] ?? {}
      const { priority: replaced, ...limited } = limit
      expect(router).toEqual({ ...limited, service: 'rollout' })
      // Traefik's default priority for a router is the length of its rule.
      expect(priority).toBeGreaterThan(Number(replaced ?? String(limit.rule).length))
    }
  })
})

interface RouteFile {
  http: { routers: Record<string, Record<string, unknown>>; services: Record<string, unknown> }
}

/** Renders the template as Traefik does, both with and without LAB_HARDENED=true. */
function partsOf(text: string): { hardened: RouteFile; plain: RouteFile } {
  const [, limited = '', plain = ''] = text.split(/^\{\{ if eq \(env "LAB_HARDENED"\) "true" \}\}$|^\{\{ else \}\}$/m)
  return { hardened: parse(limited) as RouteFile, plain: parse(plain.replaceAll('{{ end }}', '')) as RouteFile }
}

describe('the record', () => {
  const empty: RolloutRecord = { revisions: [], events: [] }
  const revision = (number: number): Revision => ({
    number,
    version: { hash: String(number), image: 'sha256:a' },
    since: '2026-01-01T00:00:00Z',
    cause: 'rollout',
    settings: {},
    recoverable: true,
  })

  test('removes the oldest revisions and events', () => {
    let record = empty
    const forgotten: number[] = []
    for (let number = 1; number <= storedRevisions + 3; number++) {
      const added = withRevision(record, revision(number))
      record = added.record
      forgotten.push(...added.forgotten.map((one) => one.number))
    }
    expect(forgotten).toEqual([1, 2])
    const event = { time: '2026-01-01T00:00:00Z', type: 'Normal', reason: 'A', message: 'a' } as const
    for (let i = 0; i < 100; i++) record = withEvent(record, event)
    expect(record.events).toHaveLength(50)
  })

  test('is written atomically, and only its owner can read the file of a revision', async () => {
    const store = rolloutStore(mkdtempSync(join(tmpdir(), 'rollout-')))
    expect(await store.read()).toEqual(empty)
    const { record } = withRevision(empty, revision(1))
    await store.write(record)
    await store.saveFile(1, 'services: {}\n')
    expect(await store.read()).toEqual(record)
    expect(statSync(store.fileOf(1)).mode & 0o777).toBe(0o600)
    writeFileSync(join(store.folder, 'record.json'), '{')
    await expect(store.read()).rejects.toThrow('is no record of rollouts')
  })

  test('allows one command at a time, and ignores the lock of a killed command', async () => {
    const store = rolloutStore(mkdtempSync(join(tmpdir(), 'rollout-')))
    const release = await store.hold()
    await expect(store.hold()).rejects.toThrow(`a rollout is carried out by process ${process.pid}`)
    await release()
    const mark = join(store.folder, 'running')
    writeFileSync(mark, '4194300')
    await (await store.hold())()
    writeFileSync(mark, String(process.pid))
    utimesSync(mark, 1, 1)
    const again = await store.hold()
    expect(readFileSync(mark, 'utf8')).toBe(String(process.pid))
    await again()
  })
})

describe('a replica that no rollout has created', () => {
  const text = 'services:\n  ws:\n    environment: { LOG_LEVEL: debug, SECRET: a }\n'

  test('has the variables of its container without those of its image', () => {
    const variables = { PATH: '/bin', LOG_LEVEL: '', SECRET: 'a$b', OLD: '1' }
    expect(parse(fileOfReplica(text, variables, { PATH: '/bin' }))).toEqual({
      services: { ws: { environment: { LOG_LEVEL: '', SECRET: 'a$$b', OLD: '1' } } },
    })
  })

  test('lists differences without secrets', () => {
    expect(changedSettings({ A: '1', RESUME_SECRET: 'x', C: '' }, { B: '2', RESUME_SECRET: 'y', C: '' })).toEqual([
      'A: "1" -> not set',
      'B: not set -> "2"',
      'RESUME_SECRET: (not shown) -> (not shown)',
    ])
  })

  test('has failed when its container has exited, and is starting until its socket is served', () => {
    const container = {
      Id: 'a',
      Name: '',
      Image: 'b',
      Created: '2026-01-01T00:00:00Z',
      RestartCount: 0,
      Config: { Labels: { 'com.docker.compose.container-number': '4' } },
      State: { Status: 'running', ExitCode: 0, StartedAt: '', Health: { Status: 'healthy', Log: [] } },
    } as const
    const mutable = structuredClone(container) as unknown as Parameters<typeof rolloutReplica>[0]
    const state = (served: boolean, changes: Partial<typeof mutable> = {}) =>
      rolloutReplica({ ...mutable, ...changes }, true, { ok: served, detail: 'not yet' }).state
    expect(state(true)).toBe('available')
    expect(state(false)).toBe('starting')
    expect(state(true, { RestartCount: 1 })).toBe('failed')
    expect(state(true, { State: { ...mutable.State, Status: 'exited' } })).toBe('failed')
    const killed = { ...mutable.State, Status: 'exited', ExitCode: 137 } as const
    expect(state(true, { State: killed })).toBe('killed')
    expect(state(true, { State: { ...killed, OOMKilled: true } })).toBe('failed')
    expect(state(true, { State: { ...mutable.State, Status: 'paused' } })).toBe('unavailable')
  })
})

test('names of images and cookies', () => {
  expect(revisionTag('rol-ws', 3)).toBe('rol-ws:revision-3')
  expect(revisionTag('host:5000/ws:v2', 3)).toBe('host:5000/ws:revision-3')
  expect(cookieFor('172.18.0.4')).toMatch(/^lab_replica=[0-9a-f]{16}$/)
})
