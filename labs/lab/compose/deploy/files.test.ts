/** Tests routing by colour, the comparison of a canary with the old version, and the detection of a replica's colour. */
import { readFileSync } from 'node:fs'
import type { Container } from '@lab/host/replicas.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { routeFileText } from '../rollout/route-file.ts'
import type { VersionReading } from '../rollout/version-reading.ts'
import { judge } from './analysis.ts'
import { deployRoutes, type Shares } from './route.ts'
import { colourOf, type Deploy, refuseDeploy } from './state.ts'

interface Router {
  rule: string
  priority: number
  middlewares: string[]
  service: string
  entryPoints: string[]
}
interface File {
  http: { routers: Record<string, Router>; services: { deploy: { weighted: { services: unknown } } } }
}

const limits = readFileSync(new URL('../../../../traefik/dynamic/hardened.yaml', import.meta.url), 'utf8')

/** Renders the route file's template as Traefik does, and parses the resulting YAML. */
function read(shares: Shares, hardened: boolean): File {
  const text = routeFileText(deployRoutes('lab2', shares), limits)
  expect(text.split('\n')[0]).toBe('{{ if eq (env "LAB_PROJECT") "lab2" }}')
  const [, limited = '', plain = ''] = text.split(/^\{\{ if eq \(env "LAB_HARDENED"\) "true" \}\}$|^\{\{ else \}\}$/m)
  return parse(hardened ? limited : plain.replaceAll('{{ end }}', '')) as File
}

describe('the route', () => {
  const shares = { blue: 90, green: 10 }

  test('leads by weight, and to the colour that a request names', () => {
    const { routers, services } = read(shares, false).http
    expect(services.deploy.weighted.services).toEqual([
      { name: 'ws-blue@docker', weight: 90 },
      { name: 'ws-green@docker', weight: 10 },
    ])
    expect(Object.keys(routers)).toEqual(['deploy', 'deploy-blue', 'deploy-green'])
    expect(routers['deploy-green']).toMatchObject({ rule: 'Header(`x-lab-colour`, `green`)', service: 'ws-green@docker', priority: 17 })
    expect(routers.deploy?.priority).toBeGreaterThan('PathPrefix(`/`)'.length)
  })

  test('no header gets around the limits of a hardened entry', () => {
    const { routers } = read(shares, true).http
    const withoutLimits = Object.values(routers).filter(({ middlewares }) => middlewares.length === 1)
    expect(withoutLimits.map(({ entryPoints }) => entryPoints)).toEqual([['load'], ['load'], ['load']])
    const sockets = Object.values(routers).filter(({ rule }) => rule.includes('/ws'))
    expect(sockets).toHaveLength(3)
    for (const { middlewares, priority, entryPoints } of sockets) {
      expect(middlewares).toEqual(['socket-rate', 'lab'])
      expect(priority).toBeGreaterThan('Path(`/ws`) || PathPrefix(`/ws/`)'.length)
      expect(entryPoints).not.toContain('load')
    }
  })

  test('where the colour that should get all is gone, the other one gets it', () => {
    const { services } = read({ blue: 0 }, false).http
    expect(services.deploy.weighted.services).toEqual([{ name: 'ws-blue@docker', weight: 100 }])
  })
})

describe('the comparison of a canary', () => {
  const well: VersionReading = { opened: 100, messages: 5000, errors: 0, drops: 0, latencySeconds: 0.01 }
  const canary = (more: Partial<VersionReading> = {}): VersionReading => ({ ...well, opened: 10, messages: 500, ...more })

  test.each([
    ['it does as well', well, canary(), 'pass'],
    ['errors', well, canary({ errors: 30 }), 'fail'],
    ['errors that both have', { ...well, errors: 300 }, canary({ errors: 30 }), 'pass'],
    ['drops', well, canary({ drops: 1 }), 'fail'],
    ['latency', well, canary({ latencySeconds: 0.08 }), 'fail'],
    ['a little slower', well, canary({ latencySeconds: 0.05 }), 'pass'],
    ['too few connections to judge by', well, canary({ opened: 4 }), 'fail'],
    ['no latency is known', well, canary({ latencySeconds: undefined }), 'pass'],
  ] as const)('%s', (_name, old, one, verdict) => {
    expect(judge(old, one, true).verdict).toBe(verdict)
  })

  test('before the end, only what is plain counts', () => {
    expect(judge(well, canary({ errors: 9 }), false).verdict).toBe('wait')
    expect(judge(well, canary({ errors: 10 }), false)).toEqual({
      verdict: 'fail',
      why: 'errors 2.0 % of messages against 0.0 %; allowed is 1.0 %',
    })
    expect(judge(well, canary({ drops: 2 }), false).verdict).toBe('wait')
    expect(judge(well, canary({ opened: 0, latencySeconds: 9 }), false).verdict).toBe('wait')
  })
})

test('a replica without the variable is blue', () => {
  const of = (Env: string[]) => colourOf({ Config: { Labels: {}, Env } } as unknown as Container)
  expect([of([]), of(['LAB_COLOUR=']), of(['LAB_COLOUR=green'])]).toEqual(['blue', 'blue', 'green'])
})

test('a deploy that is not finished, or has left a colour running, refuses others', () => {
  const deploy: Deploy = {
    colour: 'green',
    share: 0,
    sharedAt: '2026-01-01T00:00:00Z',
    weight: 100,
    analysisSeconds: 60,
    verified: false,
    keep: true,
    holdsScaler: false,
  }
  expect(() => refuseDeploy({ rollout: { deploy } })).toThrow('the deploy of green is not finished')
  expect(() => refuseDeploy({ rollout: { deploy, ended: 'complete' } })).toThrow('blue still runs without traffic')
  expect(() => refuseDeploy({ rollout: { deploy: { ...deploy, keep: false }, ended: 'failed' } })).not.toThrow()
  expect(() => refuseDeploy({})).not.toThrow()
})
