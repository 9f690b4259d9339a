/**
 * Defines and reads the settings of the ws service. The `settings` table is the single source of the validation rules, the defaults and
 * docs/configuration.md. `readConfig` is pure: the environment is passed as a parameter.
 */
import { colours, ports } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'

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
  /** Default value. A replica whose secret is empty generates one when it starts. */
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
    help: "Public port for WebSockets, the replica's web page, and the health and info endpoints. 0 selects a free port.",
  },
  HOST: {
    kind: 'text',
    default: '0.0.0.0',
    pattern: '^[A-Za-z0-9.:_-]{1,253}$',
    help: 'Address on which the replica listens with both ports.',
  },
  INTERNAL_PORT: {
    kind: 'integer',
    default: ports.internal,
    min: 0,
    max: 65535,
    help: 'Port for metrics and probes, which is reachable only inside the lab. 0 selects a free port.',
  },
  REPLICA_ID: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    help: 'Name of this replica, which every message from the replica contains. Default: the name determined by REPLICA_DNS_PREFIX, or else the host name.',
  },
  REPLICA_DNS_PREFIX: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    help: "Prefix of the container's name in Docker's DNS. The rest of the container's name, such as ws-1, becomes the replica's name.",
  },
  LAB_COLOUR: {
    kind: 'choice',
    default: colours[0],
    choices: colours,
    help: 'The set of replicas to which this replica belongs. `./lab deploy` switches between the two sets.',
  },
  LAB_VERSION: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9._-]{1,40}$',
    help: "Name of the version in metrics, on pages and in messages. The replica appends a fingerprint of its code and settings to the name, as in v2+3f2a91c. Default: the package's version.",
  },
  LOG_LEVEL: {
    kind: 'choice',
    default: 'info',
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    help: 'Minimum severity of log lines that are written.',
  },
  TELEMETRY: {
    kind: 'text',
    default: '',
    pattern: '^[A-Za-z0-9*,._-]{1,200}$',
    help: 'Signals exported by OTLP: a list with `logging`, `tracing`, both, or `*`. The replica ignores other words in the list, so the value can be the list of Compose profiles. The replica does not load the libraries for telemetry signals that are disabled.',
  },
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: {
    kind: 'text',
    default: 'http://loki:3100/otlp/v1/logs',
    pattern: '^https?://\\S{1,500}$',
    help: 'Endpoint for log lines, as JSON over HTTP. Log lines are also written to standard output.',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    kind: 'text',
    default: 'http://jaeger:4318/v1/traces',
    pattern: '^https?://\\S{1,500}$',
    help: 'Endpoint for spans, as JSON over HTTP.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    kind: 'text',
    default: '0.01',
    pattern: '^(0(\\.\\d{1,6})?|1(\\.0{1,6})?)$',
    help: 'Fraction (0 to 1) of messages, and of upgrades without a `traceparent`, that is traced. Operations caused by a traced message or upgrade are traced, too. Messages start at most 100 traces per second.',
  },
  METRICS: {
    kind: 'choice',
    default: 'on',
    choices: ['on', 'off'],
    help: 'If the value is off, the replica records no message metrics, so that the cost of metrics can be measured.',
  },
  MAX_CONNECTIONS: {
    kind: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    help: 'Maximum number of connections on this replica. When this number is reached, the replica refuses upgrades with 503.',
  },
  HEARTBEAT_INTERVAL: {
    kind: 'integer',
    default: 30_000,
    min: 100,
    max: day,
    unit: 'ms',
    help: 'Interval between pings to each connection. A dead client is detected within one and a half heartbeat intervals.',
  },
  CONNECTION_TIMEOUT: {
    kind: 'integer',
    default: 300_000,
    min: 100,
    max: day,
    unit: 'ms',
    help: 'Idle time after which a connection is closed because its client sent nothing, not even a heartbeat.',
  },
  HANDSHAKE_TIMEOUT: {
    kind: 'integer',
    default: 10_000,
    min: 100,
    max: 300_000,
    unit: 'ms',
    help: 'Maximum time until all headers of a request have arrived. If the headers arrive more slowly, the replica responds with 408 and closes the connection.',
  },
  CLOSE_TIMEOUT: {
    kind: 'integer',
    default: 5_000,
    min: 100,
    max: 60_000,
    unit: 'ms',
    help: 'How long a client has to respond to a close frame. If the client does not respond in time, the replica terminates the connection.',
  },
  MAX_FRAME_BYTES: {
    kind: 'integer',
    default: 65_536,
    min: 128,
    max: 16_777_216,
    unit: 'bytes',
    help: 'Maximum size of a message. If a message is larger, the replica closes the connection with 1009.',
  },
  MAX_MESSAGES_PER_SECOND: {
    kind: 'integer',
    default: 100,
    min: 1,
    max: 1_000_000,
    help: "Average number of messages per second that a connection may send. A burst may contain one second's worth of messages. The replica responds with an error to messages that exceed this limit.",
  },
  MAX_SEND_BUFFER_BYTES: {
    kind: 'integer',
    default: 1_048_576,
    min: 1024,
    max: 268_435_456,
    unit: 'bytes',
    help: 'Maximum total size of unsent data per connection. If a client reads so slowly that this size is exceeded, its connection is closed with 1013.',
  },
  MAX_UNSENT_BYTES: {
    kind: 'integer',
    default: 67_108_864,
    min: 1024,
    max: 4_294_967_296,
    unit: 'bytes',
    help: 'Maximum total size of unsent data for all connections together. When this size is exceeded, the connections with the most unsent data are closed with 1013.',
  },
  MAX_UNFINISHED_BYTES: {
    kind: 'integer',
    default: 33_554_432,
    min: 1024,
    max: 4_294_967_296,
    unit: 'bytes',
    help: 'Maximum total size of messages that are incomplete or have not been handled yet. When this size is exceeded, the connections that account for most of it are closed with 4005.',
  },
  MAX_MEMBERSHIPS: {
    kind: 'integer',
    default: 30_000,
    min: 1,
    max: 10_000_000,
    help: 'Maximum number of room memberships of all connections together, not counting the room that every session joins. When this number is exceeded, the connections with the most room memberships are closed with 4005.',
  },
  MAX_ROOMS_PER_CONNECTION: {
    kind: 'integer',
    default: 100,
    min: 1,
    max: 10_000,
    help: 'Maximum number of rooms that a connection may join.',
  },
  RESUME_WINDOW: {
    kind: 'integer',
    default: 120_000,
    min: 0,
    max: day,
    unit: 'ms',
    help: 'How long the session of a lost connection can be resumed.',
  },
  RESUME_TOKEN_TTL: {
    kind: 'integer',
    default: day,
    min: 1000,
    max: 30 * day,
    unit: 'ms',
    help: 'How long a resume token is valid.',
  },
  ROOM_LOG_MESSAGES: {
    kind: 'integer',
    default: 20_000,
    min: 0,
    max: 1_000_000,
    help: 'Maximum number of room messages, in all rooms together, that this replica stores for resumed sessions and for clients that join late.',
  },
  ROOM_LOG_BYTES: {
    kind: 'integer',
    default: 16_777_216,
    min: 0,
    max: 268_435_456,
    unit: 'bytes',
    help: 'Maximum total size of the room messages that this replica stores.',
  },
  ROOM_LOG_AGE: { kind: 'integer', default: 600_000, min: 1000, max: day, unit: 'ms', help: 'How long room messages are stored.' },
  ROOM_HISTORY: {
    kind: 'integer',
    default: 20,
    min: 0,
    max: 1000,
    help: "How many of a room's most recent messages a new member receives.",
  },
  ROOM_OUTBOX_MESSAGES: {
    kind: 'integer',
    default: 10_000,
    min: 0,
    max: 1_000_000,
    help: 'Maximum number of room messages that may be waiting for the store. The replica responds with an error to messages that exceed this limit.',
  },
  ROOM_OUTBOX_BYTES: {
    kind: 'integer',
    default: 16_777_216,
    min: 0,
    max: 268_435_456,
    unit: 'bytes',
    help: 'Maximum total size of the room messages that may be waiting for the store.',
  },
  VALKEY_URL: {
    kind: 'text',
    default: '',
    pattern: '^(valkey|redis)s?://[^ ]{1,250}$',
    secret: true,
    help: 'Address of the store through which the replicas share rooms and sessions, such as valkey://valkey:6379. If this variable is empty, the replica does not share rooms or sessions with other replicas.',
  },
  RESUME_SECRET: {
    kind: 'text',
    default: '',
    pattern: '^.{16,256}$',
    secret: true,
    help: 'Secret that signs resume tokens; all replicas need the same secret. Default: the content of RESUME_SECRET_FILE.',
  },
  RESUME_SECRET_FILE: {
    kind: 'text',
    default: '',
    pattern: '^/.{1,250}$',
    help: 'Path of the file, shared by all replicas, that contains the resume secret on one line. The first replica to start creates this file. If this variable and RESUME_SECRET are both empty, each replica generates a secret when it starts, so tokens are valid only until the process ends.',
  },
  MAX_HELD_SESSIONS: {
    kind: 'integer',
    default: 10_000,
    min: 0,
    max: 1_000_000,
    help: 'Maximum number of stored sessions of lost connections. When this number is exceeded, the oldest session is removed.',
  },
  DRAIN_DELAY: {
    kind: 'integer',
    default: 3_000,
    min: 0,
    max: 60_000,
    unit: 'ms',
    help: 'How long the replica waits, once it is no longer ready, before it sends the first goodbye. During this time, the replica still accepts new connections, because the router takes a moment to stop routing to it.',
  },
  DRAIN_TIMEOUT: {
    kind: 'integer',
    default: 20_000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    help: 'Time from SIGTERM to the drain deadline, at which the replica closes its remaining connections with 1012. The deadline should be ten seconds before the end of the stop grace period, which is STOP_GRACE_PERIOD with Compose.',
  },
  LAST_SCRAPE_TIMEOUT: {
    kind: 'integer',
    default: 6_000,
    min: 0,
    max: 120_000,
    unit: 'ms',
    help: 'Time to wait for one more scrape of the metrics after the last connection has closed, so that no counts are lost.',
  },
  REBALANCE: {
    kind: 'choice',
    default: 'on',
    choices: ['on', 'off'],
    help: 'Whether a replica that has clearly more connections than the mean asks some of its clients to reconnect. Needs VALKEY_URL.',
  },
  DRAIN_RATE: {
    kind: 'integer',
    default: 500,
    min: 1,
    max: 100_000,
    help: 'Number of goodbye messages that a draining replica sends per second. The replica raises the rate if it is too low to ask all clients before the deadline.',
  },
} as const satisfies Record<string, IntegerSetting | ChoiceSetting | TextSetting>

type Settings = typeof settings
export type SettingName = keyof Settings

/**
 * Settings that the Compose lab sets itself for its replicas. All settings that are not in `fixedUnderCompose` are passed to the replicas
 * from Compose's own environment.
 */
export const fixedUnderCompose: readonly SettingName[] = [
  'PORT',
  'HOST',
  'INTERNAL_PORT',
  'REPLICA_ID',
  // Compose derives REPLICA_DNS_PREFIX from the project name.
  'REPLICA_DNS_PREFIX',
  // Compose derives TELEMETRY from COMPOSE_PROFILES.
  'TELEMETRY',
  // Anyone who can inspect a container can read its environment variables, so the replicas share the secret in a file instead.
  'RESUME_SECRET',
  'RESUME_SECRET_FILE',
]

/** The validated settings, by environment variable name. */
export type Config = { readonly [N in SettingName]: Settings[N]['kind'] extends 'integer' ? number : string }

/**
 * Reads a replica's settings from environment variables.
 * @param env the environment variables by name; variables that are not settings are ignored
 * @returns the settings, including defaults; or one error message per invalid variable, with its name, its value and the allowed values
 */
export function readConfig(env: Record<string, string | undefined>): Result<Config> {
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
  return problems.length === 0 ? success(config as unknown as Config) : failure(...problems)
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

/** Checks the rules that involve more than one setting; each individual value is already known to be valid. */
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
