/** Facts about compose.yaml that the lab's promises rest on. */
import { grafana, hostPorts, ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { profiles } from '@lab/contract/telemetry.ts'
import { describe, expect, test } from 'vitest'
import { fixedUnderCompose, type SettingName, settings } from '../../services/ws/src/config.ts'
import { readYaml, withDefaults } from './lib/repo-files.ts'

interface Service {
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
  stop_grace_period?: string
  read_only?: boolean
  logging?: { driver: string; options: Record<string, string> }
  healthcheck?: { test: unknown; start_interval?: string; start_period?: string }
}

interface Compose {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean } | null>
}

const compose = readYaml<Compose>('compose.yaml')
const entries = Object.entries(compose.services)
/** What runs for as long as a load or a fault lasts. */
const passing: readonly string[] = [services.k6, services.toxiproxy]
const longRunning = entries.filter(([name]) => !passing.includes(name))
const service = (name: string): Service => {
  const found = compose.services[name]
  if (!found) throw new Error(`compose.yaml has no service ${name}`)
  return found
}

test('the services have the names of the contract', () => {
  // Those of compose.k8s-sim.yaml.
  const { scaler: _scaler, scalerProxy: _proxy, ...expected } = services
  expect(Object.keys(compose.services).sort()).toEqual(Object.values(expected).sort())
})

describe.each(entries)(
  '%s',
  (name, { image, build, container_name, hostname, ports: published = [], logging, mem_limit, volumes = [] }) => {
    test('has no fixed name, so that two labs run side by side', () => {
      expect(container_name).toBeUndefined()
      expect(hostname).toBeUndefined()
    })

    test('is built here or pinned to a version', () => {
      if (build !== undefined) expect(image ?? 'lab').not.toMatch(/:latest$/)
      else expect(image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+\.\d+$/)
    })

    test('publishes ports on loopback alone, each with a variable and the default of the contract', () => {
      for (const port of published) {
        const [, variable = '', fallback] = /^127\.0\.0\.1:\$\{([A-Z_]+):-(\d+)\}:\d+$/.exec(port) ?? []
        expect(variable, port).not.toBe('')
        expect({ [variable]: Number(fallback) }).toEqual({ [variable]: (hostPorts as Record<string, number>)[variable] })
      }
    })

    test('rotates its log and has a memory limit', () => {
      expect(logging).toMatchObject({ driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } })
      expect(mem_limit).toMatch(/^\d+[mg]$/)
    })

    test('has the Docker socket only if it is the proxy', () => {
      expect(volumes.some((volume) => volume.includes('docker.sock'))).toBe(name === services.socketProxy)
    })
  },
)

describe.each(longRunning)('%s', (_name, { healthcheck, restart, depends_on }) => {
  test('is probed often while it starts', () => {
    expect(healthcheck?.test).toBeDefined()
    expect(healthcheck?.start_interval).toMatch(/^\d+m?s$/)
    // Docker ignores start_interval without it.
    expect(healthcheck?.start_period).toMatch(/^\d+s$/)
  })

  test('comes back after a crash, and waits for nothing that ends', () => {
    expect(restart).toBe('unless-stopped')
    expect(JSON.stringify(depends_on ?? {})).not.toContain('service_completed_successfully')
  })
})

test('every host port of the contract is published once', () => {
  const variables = entries.flatMap(([, { ports: published = [] }]) => published.map((port) => /\$\{([A-Z_]+)/.exec(port)?.[1]))
  expect(variables.sort()).toEqual(Object.keys(hostPorts).sort())
})

describe('ws', () => {
  const ws = service(services.ws)

  test('publishes nothing and is out of reach of the host', () => {
    expect(ws.ports).toBeUndefined()
    for (const network of ws.networks ?? []) expect(compose.networks[network]?.internal, network).toBe(true)
  })

  test('is given only variables that the service knows', () => {
    expect(Object.keys(ws.environment ?? {}).filter((name) => !(name in settings))).toEqual([])
  })

  test('gets longer to stop than its drain takes', () => {
    const graceMs = Number.parseInt(withDefaults(ws.stop_grace_period ?? '10s'), 10) * 1000
    expect(graceMs).toBeGreaterThan(settings.DRAIN_TIMEOUT.default + 5_000)
  })

  test('is routed by the names of the contract', () => {
    const labels = ws.labels ?? {}
    const loadBalancer = `traefik.http.services.${services.ws}.loadbalancer`
    expect(labels[`${loadBalancer}.sticky.cookie.name`]).toBe(stickyCookie)
    expect(labels[`${loadBalancer}.server.port`]).toBe(String(ports.public))
  })

  test('is probed on its internal port', () => {
    expect(JSON.stringify(ws.healthcheck?.test)).toContain(`/${ports.internal} `)
  })
})

describe.each([
  [services.ws, service(services.ws)],
  [services.scaler, readYaml<Compose>('compose.k8s-sim.yaml').services[services.scaler]],
])('settings of the service, at %s', (_name, holder) => {
  const { environment = {} } = holder ?? {}
  const handedOn = (Object.keys(settings) as SettingName[]).filter((name) => !fixedUnderCompose.includes(name))

  test.each(handedOn)('%s arrives under its own name', (name) => {
    expect(environment[name]).toMatch(new RegExp(`^\\$\\{${name}:?-[^}]*\\}$`))
  })

  test('only what shares sessions has a value that is not the default of the service', () => {
    const own = handedOn.filter((name) => withDefaults(environment[name] ?? '') !== '')
    expect(own.sort()).toEqual(['RESUME_SECRET', 'VALKEY_URL'])
  })

  test('what the lab decides can not be set', () => {
    for (const name of fixedUnderCompose) expect(environment[name] ?? '').not.toContain(`\${${name}`)
  })
})

test('valkey is out of reach of the host', () => {
  const { ports: published, networks = [] } = service(services.valkey)
  expect(published).toBeUndefined()
  expect(networks.map((network) => compose.networks[network]?.internal)).toEqual(networks.map(() => true))
})

test('k6 starts only when asked, and pulls no service into its start', () => {
  const k6 = service(services.k6)
  expect(k6.profiles).toEqual(['load'])
  // With depends_on, `docker compose run k6` would set ws back to the number of replicas in the file.
  expect(k6.depends_on).toBeUndefined()
  expect(JSON.stringify(entries.map(([, { depends_on }]) => depends_on ?? {}))).not.toContain(`"${services.ws}"`)
})

test('logs and traces start with their profile, and who sends them is told of it by the same variable', () => {
  expect(service(services.loki).profiles).toEqual([profiles.logging])
  expect(service(services.jaeger).profiles).toEqual([profiles.tracing])
  const variable = 'COMPOSE_PROFILES'
  const list = `\${${variable}:-}`
  expect(service(services.traefik).environment?.[variable]).toBe(list)
  expect(service(services.ws).environment?.TELEMETRY).toBe(list)
})

describe('grafana', () => {
  const { environment = {} } = service(services.grafana)

  test('shows the lab to everybody and calls nobody', () => {
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

  test('opens with the home dashboard', () => {
    const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH
    expect(home).toBe(`/etc/grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)
    expect(service(services.grafana).volumes).toContain('./grafana/provisioning:/etc/grafana/provisioning:ro')
  })
})
