/** Checks properties of compose.yaml on which the lab's guarantees depend. */
import { dirname } from 'node:path/posix'
import { colours, grafana, hostPorts, mostSockets, ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { profiles } from '@lab/contract/telemetry.ts'
import { bytesOf } from '@lab/generate/kubernetes/quantities.ts'
import { overlayServices } from '@lab/host/compose.ts'
import { composeFile } from '@lab/host/compose-file.ts'
import { faultFolder } from '@lab/lab/compose/fault-record.ts'
import { rolloutFolder } from '@lab/lab/compose/rollout/store.ts'
import { fixedUnderCompose, type SettingName, settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { read, readCompose, readYaml, withDefaults } from './lib/repo-files.ts'

interface Service {
  extends?: { file: string; service: string }
  image?: string
  build?: unknown
  container_name?: string
  hostname?: string
  ports?: string[]
  environment?: Record<string, string>
  volumes?: string[]
  labels?: Record<string, string>
  networks?: string[]
  profiles?: string[]
  depends_on?: unknown
  restart?: string
  mem_limit?: string
  memswap_limit?: string
  stop_grace_period?: string
  read_only?: boolean
  logging?: { driver: string; options: Record<string, string> }
  healthcheck?: { test: unknown; start_interval?: string; start_period?: string }
}

interface Compose {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean } | null>
}

const compose = readCompose<Compose>('compose.yaml')
const overlay = readCompose<Compose>('compose.k8s-sim.yaml')
const entries = Object.entries(compose.services)
/** Services that run only while there is load or a fault. */
const passing: readonly string[] = [services.k6, services.toxiproxy]
const longRunning = entries.filter(([name]) => !passing.includes(name))
const service = (name: string): Service => {
  const found = compose.services[name]
  if (!found) throw new Error(`compose.yaml has no service ${name}`)
  return found
}

test('the services have the names of the contract', () => {
  // The scaler and the actuator are defined in compose.k8s-sim.yaml rather than in compose.yaml.
  const expected = Object.values(services).filter((name) => !overlayServices.includes(name))
  expect(Object.keys(compose.services).sort()).toEqual(expected.sort())
})

test.each(Object.entries(overlay.services))('%s: the memory limit of the overlay includes swap', (_name, { mem_limit, memswap_limit }) => {
  expect(mem_limit).toMatch(/^\d+[mg]$/)
  expect(memswap_limit).toBe(mem_limit)
})

test('the tests merge extends in the same way as Compose', () => {
  const files: Record<string, string> = {
    'lab.yaml': 'services: { a: { extends: { file: parts/b.yaml, service: b }, cap_drop: [X], command: [two], environment: { ONE: 1 } } }',
    'parts/b.yaml': 'services: { b: { extends: { service: c }, command: [one] }, c: { cap_drop: [ALL], environment: { ONE: 0, TWO: 2 } } }',
  }
  const parsed = composeFile<{ services: object }>('lab.yaml', (path) => files[path] ?? '')
  expect(parsed.services).toEqual({ a: { cap_drop: ['ALL', 'X'], command: ['two'], environment: { ONE: 1, TWO: 2 } } })
  expect(() => composeFile('lab.yaml', () => files['lab.yaml'] ?? '')).toThrow('parts/b.yaml: the extended service b does not exist')
})

describe.each(entries)(
  '%s',
  (name, { image, build, container_name, hostname, ports: published = [], logging, mem_limit, memswap_limit, volumes = [] }) => {
    test('has no fixed name, so that two labs can run at the same time', () => {
      expect(container_name).toBeUndefined()
      expect(hostname).toBeUndefined()
    })

    test('has a locally built image or a pinned version, with or without a digest', () => {
      if (build !== undefined) expect(image ?? 'lab').not.toMatch(/:latest$/)
      else expect(image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$/)
    })

    test('publishes ports only on the loopback address, each with a variable and the default of the contract', () => {
      for (const port of published) {
        const [, variable = '', fallback] = /^127\.0\.0\.1:\$\{([A-Z_]+):-(\d+)\}:\d+$/.exec(port) ?? []
        expect(variable, port).not.toBe('')
        expect({ [variable]: Number(fallback) }).toEqual({ [variable]: (hostPorts as Record<string, number>)[variable] })
      }
    })

    test('rotates its log and has a memory limit', () => {
      expect(logging).toMatchObject({ driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } })
      expect(mem_limit).toMatch(/^\d+[mg]$/)
      // Without `memswap_limit`, Docker lets a container use as much swap as memory.
      expect(memswap_limit).toBe(mem_limit)
    })

    test('mounts the Docker socket only if it is the proxy', () => {
      expect(volumes.some((volume) => volume.includes('docker.sock'))).toBe(name === services.socketProxy)
    })
  },
)

describe.each(longRunning)('%s', (_name, { healthcheck, restart, depends_on }) => {
  test('has a short health check interval during its start', () => {
    expect(healthcheck?.test).toBeDefined()
    expect(healthcheck?.start_interval).toMatch(/^\d+m?s$/)
    // Docker ignores `start_interval` if `start_period` is not set.
    expect(healthcheck?.start_period).toMatch(/^\d+s$/)
  })

  test('restarts after a crash, and depends on no one-shot service', () => {
    expect(restart).toBe('unless-stopped')
    expect(JSON.stringify(depends_on ?? {})).not.toContain('service_completed_successfully')
  })
})

test('every host port of the contract is published once', () => {
  const variables = entries.flatMap(([, { ports: published = [] }]) => published.map((port) => /\$\{([A-Z_]+)/.exec(port)?.[1]))
  expect(variables.sort()).toEqual(Object.keys(hostPorts).sort())
})

test('the live page reads the decision log where the scaler writes it, and the record of rollouts where rollouts write it', () => {
  const scaler = readCompose<Compose>('compose.k8s-sim.yaml').services[services.scaler]
  expect(service(services.live).environment?.SCALER_STATE).toBe(scaler?.environment?.SCALER_STATE)
  const project = 'a-project'
  expect(service(services.live).environment?.LIVE_ROLLOUTS?.replace(/\$\{.+?\}/, project)).toBe(rolloutFolder(project))
  expect(service(services.live).environment?.LIVE_FAULTS?.replace(/\$\{.+?\}/, project)).toBe(faultFolder(project))
  expect(service(services.live).volumes).toEqual(['./reports:/lab/reports:ro'])
})

describe('ws', () => {
  const ws = service(services.ws)

  test('publishes no port and cannot be reached from the host', () => {
    expect(ws.ports).toBeUndefined()
    for (const network of ws.networks ?? []) expect(compose.networks[network]?.internal, network).toBe(true)
  })

  test('gets only environment variables that the service supports', () => {
    expect(Object.keys(ws.environment ?? {}).filter((name) => !(name in settings))).toEqual([])
  })

  test('has its secret in a file and not in a variable, which Traefik and Prometheus could read', () => {
    const { RESUME_SECRET: inVariable, RESUME_SECRET_FILE: file = '' } = ws.environment ?? {}
    expect(inVariable).toBeUndefined()
    expect(ws.volumes).toContain(`\${LAB_SECRETS:-secrets}:${dirname(file)}`)
    expect(JSON.stringify([compose, overlay])).not.toMatch(/(SECRET|PASSWORD|TOKEN)"/)
  })

  test('has a grace period that is longer than its drain', () => {
    const graceMs = Number.parseInt(withDefaults(ws.stop_grace_period ?? '10s'), 10) * 1000
    expect(graceMs).toBeGreaterThan(settings.DRAIN_TIMEOUT.default + 5_000)
  })

  test('has Traefik labels with the names of the contract', () => {
    const labels = ws.labels ?? {}
    const loadBalancer = `traefik.http.services.${services.ws}.loadbalancer`
    expect(labels[`${loadBalancer}.sticky.cookie.name`]).toBe(stickyCookie)
    expect(labels[`${loadBalancer}.server.port`]).toBe(String(ports.public))
  })

  test('has the same settings as a replica of its colour and as any replica', () => {
    const base = readYaml<Compose>('compose.yaml').services[services.ws]?.extends ?? { file: '', service: '' }
    const lines = Object.values(readYaml<Compose>(base.file).services[base.service]?.labels ?? {})
    const ofColour = `traefik.http.services.${services.ws}-\${LAB_COLOUR:-${colours[0]}}`
    const all = Object.entries(ws.labels ?? {}).filter(([name]) => name.startsWith('traefik.http.services.'))
    const expected = all.map(([name, value]) => `${name.replace(`traefik.http.services.${services.ws}`, ofColour)}=${value}`)
    expect(lines.toSorted()).toEqual(expected.sort())
  })

  test('has its health check on its internal port', () => {
    expect(JSON.stringify(ws.healthcheck?.test)).toContain(`/${ports.internal} `)
  })
})

describe('settings of the service', () => {
  const list = { file: 'services/common.yaml', service: 'configured' }
  const { environment = {} } = readCompose<Compose>(list.file).services[list.service] ?? {}
  const handedOn = (Object.keys(settings) as SettingName[]).filter((name) => !fixedUnderCompose.includes(name))
  const holders = [
    [list.file, 'coloured'],
    ['compose.k8s-sim.yaml', services.actuator],
  ] as const

  test.each(handedOn)('%s is passed to the service under the same name', (name) => {
    expect(environment[name]).toMatch(new RegExp(`^\\$\\{${name}:?-[^}]*\\}$`))
  })

  test('only the shared store differs from the default of the service', () => {
    const own = handedOn.filter((name) => withDefaults(environment[name] ?? '') !== '')
    expect(own).toEqual(['VALKEY_URL'])
  })

  test.each(holders)('%s: %s uses the shared list of settings', (file, name) => {
    const holder = readYaml<Compose>(file).services[name]
    expect({ file, ...holder?.extends }).toEqual(list)
    expect(handedOn.filter((setting) => setting in (holder?.environment ?? {}))).toEqual([])
  })

  test.each(holders)('%s: %s: settings with a fixed value cannot be overridden', (file, name) => {
    const given = readCompose<Compose>(file).services[name]?.environment ?? {}
    for (const setting of fixedUnderCompose) expect(given[setting] ?? '').not.toContain(`\${${setting}`)
  })
})

describe('traefik', () => {
  const { environment = {}, mem_limit: memory = '' } = service(services.traefik)
  /** The memory that Traefik needs for one socket, and without sockets, rounded up. */
  const [socketBytes, idleBytes] = [150_000, 64 * 2 ** 20]
  const [, most, perReplica, replicas] =
    /amount: \{\{ min (\d+) \(add 100 \(mul \(env "(\w+)"\) \(env "(\w+)"\)\)\) \}\}/.exec(read('traefik/dynamic/middlewares.yaml')) ?? []

  test('allows as many requests in flight as the load generator opens sockets, which fill two replicas, and 100 more', () => {
    expect(Number(most)).toBe(mostSockets + 100)
    expect(mostSockets).toBeGreaterThanOrEqual(2 * settings.MAX_CONNECTIONS.default)
  })

  test('has enough memory for these sockets', () => {
    expect(bytesOf(memory)).toBeGreaterThanOrEqual(Number(most) * socketBytes + idleBytes)
    const share = Number.parseInt(environment.GOMEMLIMIT ?? '', 10) / (bytesOf(memory) / 2 ** 20)
    expect(share).toBeGreaterThan(0.85)
    expect(share).toBeLessThan(0.95)
  })

  test('gets the settings from which its limit is calculated, with the defaults of their owners', () => {
    expect([perReplica, replicas]).toEqual(['MAX_CONNECTIONS', 'SCALER_MAX_REPLICAS'])
    expect(withDefaults(environment.MAX_CONNECTIONS ?? '')).toBe(String(settings.MAX_CONNECTIONS.default))
    expect(environment.SCALER_MAX_REPLICAS).toBe(overlay.services[services.actuator]?.environment?.SCALER_MAX_REPLICAS)
  })
})

test('valkey cannot be reached from the host', () => {
  const { ports: published, networks = [] } = service(services.valkey)
  expect(published).toBeUndefined()
  expect(networks.map((network) => compose.networks[network]?.internal)).toEqual(networks.map(() => true))
})

test('k6 starts only on request, and starts no other service', () => {
  const k6 = service(services.k6)
  expect(k6.profiles).toEqual(['load'])
  // If k6 had `depends_on: ws`, `docker compose run k6` would reset the number of ws replicas to the one in the Compose file.
  expect(k6.depends_on).toBeUndefined()
  expect(JSON.stringify(entries.map(([, { depends_on }]) => depends_on ?? {}))).not.toContain(`"${services.ws}"`)
})

test('Loki and Jaeger start with their profile, and their senders read the profile from the same variable', () => {
  expect(service(services.loki).profiles).toEqual([profiles.logging])
  expect(service(services.jaeger).profiles).toEqual([profiles.tracing])
  const variable = 'COMPOSE_PROFILES'
  const list = `\${${variable}:-}`
  expect(service(services.traefik).environment?.[variable]).toBe(list)
  expect(service(services.ws).environment?.TELEMETRY).toBe(list)
})

describe('grafana', () => {
  const { environment = {} } = service(services.grafana)

  test('allows anonymous read access and sends no telemetry', () => {
    expect(environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_USERS_VIEWERS_CAN_EDIT: 'true',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_NEWS_NEWS_FEED_ENABLED: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
    })
    expect(Object.keys(environment).filter((name) => /INSTALL_PLUGINS|PREINSTALL_SYNC/.test(name))).toEqual([])
  })

  test('opens the home dashboard first', () => {
    const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH
    expect(home).toBe(`/etc/grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)
    expect(service(services.grafana).volumes).toContain('./grafana/provisioning:/etc/grafana/provisioning:ro')
  })
})
