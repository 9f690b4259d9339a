/**
 * Settings of the service: one table, from which come the validation at start, the defaults and docs/configuration.md.
 * Pure: the environment is passed in.
 */
import { ports } from '@lab/contract/endpoints.ts'

interface Setting {
  help: string
  unit?: string
}
interface IntegerSetting extends Setting {
  kind: 'integer'
  default: number
  min: number
  max: number
}
interface ChoiceSetting extends Setting {
  kind: 'choice'
  default: string
  choices: readonly string[]
}
interface TextSetting extends Setting {
  kind: 'text'
  /** Empty means: made up at start. */
  default: string
  pattern: string
  secret?: true
}

const day = 86_400_000

export const settings = {
  PORT: {
    kind: 'integer',
    default: ports.public,
    min: 0,
    max: 65535,
    help: 'Public port: sockets, page, health, info. 0 takes a free one.',
  },
  HOST: { kind: 'text', default: '0.0.0.0', pattern: '^[A-Za-z0-9.:_-]{1,253}$', help: 'Address both ports listen on.' },
  INTERNAL_PORT: {
    kind: 'integer',
    default: ports.internal,
    min: 0,
    max: 65535,
    help: 'Port of metrics and probes, for the inside of the lab. 0 takes a free one.',
  },
  REPLICA_ID: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    help: 'Name this replica gives itself in messages. Without it: what REPLICA_DNS_PREFIX finds, or the host name.',
  },
  REPLICA_DNS_PREFIX: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    help: 'Where Docker runs this, its DNS knows the container as prefix, service and number: what follows the prefix, as in ws-1, names the replica.',
  },
  LOG_LEVEL: {
    kind: 'choice',
    default: 'info',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    help: 'Least severe level that is logged.',
  },
  TELEMETRY: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9*,._-]{1,200}$',
    help: 'What leaves by OTLP: a list with `logging`, `tracing`, both, or `*`. Other words are ignored, so that it can be the list of Compose profiles. Nothing of what is not named is even loaded.',
  },
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: {
    kind: 'text',
    default: 'http://loki:3100/otlp/v1/logs',
    pattern: '^https?://\\S{1,500}$',
    help: 'Where log lines go, as JSON over HTTP, besides standard output.',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    kind: 'text',
    default: 'http://jaeger:4318/v1/traces',
    pattern: '^https?://\\S{1,500}$',
    help: 'Where spans go, as JSON over HTTP.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    kind: 'text',
    default: '0.01',
    pattern: '^(0(\\.\\d{1,6})?|1(\\.0{1,6})?)$',
    help: 'Share, from 0 to 1, of messages and of upgrades without a `traceparent` that is traced. Whatever follows from a traced one is traced as well. Messages begin 100 traces a second at most.',
  },
  METRICS: {
    kind: 'choice',
    default: 'on',
    choices: ['on', 'off'],
    help: 'off stops recording on the message path; for measuring what metrics cost.',
  },
  MAX_CONNECTIONS: {
    kind: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    help: 'Connections this replica accepts; further upgrades are refused with 503.',
  },
  HEARTBEAT_INTERVAL: {
    kind: 'integer',
    default: 30_000,
    min: 100,
    max: day,
    unit: 'ms',
    help: 'How often each connection is pinged. A dead peer is found within one and a half intervals.',
  },
  CONNECTION_TIMEOUT: {
    kind: 'integer',
    default: 300_000,
    min: 100,
    max: day,
    unit: 'ms',
    help: 'A connection whose client sends nothing for this long, not even a heartbeat, is closed.',
  },
  HANDSHAKE_TIMEOUT: {
    kind: 'integer',
    default: 10_000,
    min: 100,
    max: 300_000,
    unit: 'ms',
    help: 'A request whose headers have not all arrived by then is answered with 408 and closed.',
  },
  CLOSE_TIMEOUT: {
    kind: 'integer',
    default: 5_000,
    min: 100,
    max: 60_000,
    unit: 'ms',
    help: 'How long a peer may take to answer a close frame before its connection is cut.',
  },
  MAX_FRAME_BYTES: {
    kind: 'integer',
    default: 65_536,
    min: 128,
    max: 16_777_216,
    unit: 'bytes',
    help: 'Largest message; a larger one closes the connection with 1009.',
  },
  MAX_MESSAGES_PER_SECOND: {
    kind: 'integer',
    default: 100,
    min: 1,
    max: 1_000_000,
    help: 'Messages a connection may send per second on average; bursts may be as large as one second of it. Further ones are answered with an error.',
  },
  MAX_SEND_BUFFER_BYTES: {
    kind: 'integer',
    default: 1_048_576,
    min: 1024,
    max: 268_435_456,
    unit: 'bytes',
    help: 'What a slow reader may be owed before it is closed with 1013.',
  },
  MAX_ROOMS_PER_CONNECTION: { kind: 'integer', default: 100, min: 1, max: 10_000, help: 'Rooms one connection may be in.' },
  RESUME_WINDOW: {
    kind: 'integer',
    default: 120_000,
    min: 0,
    max: day,
    unit: 'ms',
    help: 'How long the session of a lost connection is kept for resuming.',
  },
  RESUME_TOKEN_TTL: {
    kind: 'integer',
    default: day,
    min: 1000,
    max: 30 * day,
    unit: 'ms',
    help: 'How long a resume token is valid after it was issued.',
  },
  ROOM_LOG_MESSAGES: {
    kind: 'integer',
    default: 20_000,
    min: 0,
    max: 1_000_000,
    help: 'Room messages this replica keeps for clients that come back and for late joiners, of all rooms together.',
  },
  ROOM_LOG_BYTES: {
    kind: 'integer',
    default: 16_777_216,
    min: 0,
    max: 268_435_456,
    unit: 'bytes',
    help: 'Size of the room messages this replica keeps.',
  },
  ROOM_LOG_AGE: { kind: 'integer', default: 600_000, min: 1000, max: day, unit: 'ms', help: 'How long room messages are kept.' },
  ROOM_HISTORY: { kind: 'integer', default: 20, min: 0, max: 1000, help: 'Latest messages of a room that a late joiner is sent.' },
  ROOM_OUTBOX_MESSAGES: {
    kind: 'integer',
    default: 10_000,
    min: 0,
    max: 1_000_000,
    help: 'Room messages that may wait for the store; further ones are answered with an error.',
  },
  ROOM_OUTBOX_BYTES: {
    kind: 'integer',
    default: 16_777_216,
    min: 0,
    max: 268_435_456,
    unit: 'bytes',
    help: 'Size of the room messages that may wait for the store.',
  },
  VALKEY_URL: {
    kind: 'text',
    default: '',
    pattern: '^(valkey|redis)s?://[^ ]{1,250}$',
    secret: true,
    help: 'Where replicas share rooms and sessions, as in valkey://valkey:6379. Without it, this replica works alone.',
  },
  RESUME_SECRET: {
    kind: 'text',
    default: '',
    pattern: '^.{16,256}$',
    secret: true,
    help: 'Signs resume tokens; the same for all replicas. Without it: made up at start, so that tokens hold for this process only.',
  },
  MAX_HELD_SESSIONS: {
    kind: 'integer',
    default: 10_000,
    min: 0,
    max: 1_000_000,
    help: 'Sessions of lost connections kept at once; the oldest gives way.',
  },
  DRAIN_DELAY: {
    kind: 'integer',
    default: 3_000,
    min: 0,
    max: 60_000,
    unit: 'ms',
    help: 'From not ready to the first goodbye: the time the router needs to let go. New connections are still served.',
  },
  DRAIN_TIMEOUT: {
    kind: 'integer',
    default: 20_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    help: 'From SIGTERM to the deadline, when connections that are still there are closed with 1012. Keep it below the stop grace period, by ten seconds; under Compose, that is STOP_GRACE_PERIOD.',
  },
  LAST_SCRAPE_TIMEOUT: {
    kind: 'integer',
    default: 6_000,
    min: 0,
    max: 120_000,
    unit: 'ms',
    help: 'When the last connection has left, how long to wait for metrics to be read once more, so that no count is lost.',
  },
  REBALANCE: {
    kind: 'choice',
    default: 'on',
    choices: ['on', 'off'],
    help: 'Whether a replica that holds clearly more connections than the mean asks some of them to move. Needs VALKEY_URL.',
  },
  DRAIN_RATE: {
    kind: 'integer',
    default: 500,
    min: 1,
    max: 100_000,
    help: 'Goodbyes per second while draining; faster when so many would not be told in time.',
  },
} as const satisfies Record<string, IntegerSetting | ChoiceSetting | TextSetting>

type Settings = typeof settings
export type SettingName = keyof Settings

/** What the lab on Compose decides for its replicas. It hands every other setting on to them. */
export const fixedUnderCompose: readonly SettingName[] = [
  ...(['PORT', 'HOST', 'INTERNAL_PORT', 'REPLICA_ID'] as const),
  // Made from the project's name, and from COMPOSE_PROFILES.
  ...(['REPLICA_DNS_PREFIX', 'TELEMETRY'] as const),
]

/** Validated settings by the name of their variable. */
export type Config = { readonly [N in SettingName]: Settings[N]['kind'] extends 'integer' ? number : string }

export type ConfigResult = { ok: true; config: Config } | { ok: false; problems: string[] }

/**
 * Reads the settings from an environment.
 * @param env variables by name; ones that are not settings are ignored
 * @returns the settings with defaults filled in, or one line per problem that names variable, value and what is allowed
 */
export function readConfig(env: Record<string, string | undefined>): ConfigResult {
  const problems: string[] = []
  const config: Record<string, number | string> = {}
  for (const [name, setting] of Object.entries(settings) as [SettingName, IntegerSetting | ChoiceSetting | TextSetting][]) {
    const given = env[name]
    if (given === undefined || given === '') {
      config[name] = setting.default
      continue
    }
    const problem = check(setting, given)
    if (problem === undefined) config[name] = setting.kind === 'integer' ? Number(given) : given
    else problems.push(`${name}=${'secret' in setting ? '(hidden)' : JSON.stringify(given)}: ${problem}`)
  }
  if (problems.length === 0) problems.push(...crossCheck(config as unknown as Config))
  return problems.length === 0 ? { ok: true, config: config as unknown as Config } : { ok: false, problems }
}

function check(setting: IntegerSetting | ChoiceSetting | TextSetting, given: string): string | undefined {
  switch (setting.kind) {
    case 'integer': {
      const fits = /^\d{1,15}$/.test(given) && Number(given) >= setting.min && Number(given) <= setting.max
      return fits ? undefined : `allowed is a whole number from ${setting.min} to ${setting.max}${setting.unit ? ` (${setting.unit})` : ''}`
    }
    case 'choice':
      return setting.choices.includes(given) ? undefined : `allowed is one of ${setting.choices.join(', ')}`
    case 'text':
      return new RegExp(setting.pattern).test(given) ? undefined : `allowed is what matches ${setting.pattern}`
  }
}

/** Rules between settings that are each fine alone. */
function crossCheck(config: Config): string[] {
  const problems: string[] = []
  if (config.DRAIN_DELAY > config.DRAIN_TIMEOUT) {
    problems.push(`DRAIN_DELAY=${config.DRAIN_DELAY}: allowed is at most DRAIN_TIMEOUT, which is ${config.DRAIN_TIMEOUT}`)
  }
  if (config.PORT === config.INTERNAL_PORT && config.PORT !== 0) {
    problems.push(`INTERNAL_PORT=${config.INTERNAL_PORT}: allowed is any port but PORT, which is the same`)
  }
  return problems
}
