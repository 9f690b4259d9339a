/** Computes findings about Docker and its engine. Pure. */
import type { EngineFact, Facts } from './facts.ts'
import { blocked, type Finding, fine, warning } from './finding.ts'

/** Oldest Docker version that supports `gateway_mode_ipv4: isolated`. */
const oldestEngine = '28.0'
/** Oldest Compose version that supports every feature used in compose.yaml. */
const oldestCompose = '2.30'
/** Oldest Docker API version that Traefik, Prometheus or another part of the lab may request from the engine. */
const oldestUsedApi = '1.44'

const gib = 2 ** 30
const memoryNeeded = 2 * gib
const memoryGood = 4 * gib
const skewAllowedMs = 2_000

export function checkEngine(facts: Facts): Finding[] {
  const { engine } = facts
  if (engine.state !== 'answers') return [noEngine(engine, facts)]
  const { version, clientVersion, api, minApi } = engine
  const versions = `Engine ${version}, API ${minApi} to ${api}, command ${clientVersion}`
  return [
    isOlder(version, oldestEngine)
      ? blocked('engine', 'engine-old', versions, `The lab needs Docker Engine ${oldestEngine} or later: update Docker.`)
      : fine('engine', versions),
    ...(isOlder(oldestUsedApi, minApi)
      ? [
          warning(
            'engine',
            'engine-too-new',
            `the engine does not support API versions before ${minApi}`,
            `Search for "client version is too old" in: ./lab logs traefik prometheus socket-proxy`,
          ),
        ]
      : []),
    ...checkPlace(facts, engine.rootless),
    checkArchitecture(engine, facts.defaultPlatform),
    checkMemory(engine.memoryBytes),
    checkCores(engine.cpus),
    checkClock(engine.skewMs, engine.uncertaintyMs),
  ]
}

export function checkCompose({ compose, engine }: Facts): Finding[] {
  if (engine.state === 'no-command') return []
  if (!compose.ok) {
    return [
      blocked(
        'compose',
        'compose-missing',
        compose.problems.join('; '),
        'Install the Compose plugin: https://docs.docker.com/compose/install/',
      ),
    ]
  }
  const text = `Compose ${compose.value}`
  return isOlder(compose.value, oldestCompose)
    ? [blocked('compose', 'compose-old', text, `The lab needs Docker Compose ${oldestCompose} or later: update the plugin.`)]
    : [fine('compose', text)]
}

function noEngine(engine: Exclude<EngineFact, { state: 'answers' }>, { platform, context }: Facts): Finding {
  const at = context ? ` (context ${context.name}, ${context.host})` : ''
  switch (engine.state) {
    case 'no-command':
      return blocked(
        'engine',
        'docker-missing',
        'the docker command is not installed',
        'Install Docker: https://docs.docker.com/get-started/get-docker/',
      )
    case 'denied':
      return blocked(
        'engine',
        'engine-denied',
        `permission denied${at}: ${engine.text}`,
        platform === 'linux'
          ? 'This user may not use the engine: sudo usermod -aG docker $USER, then log in again. Members of that group are effectively root.'
          : 'This user may not use the engine: start Docker as this user.',
      )
    case 'not-running':
      return blocked(
        'engine',
        'engine-not-running',
        `the engine does not answer${at}: ${engine.text}`,
        platform === 'linux'
          ? 'Start it: sudo systemctl start docker. Or select another engine: docker context ls, docker context use NAME; check DOCKER_HOST.'
          : 'Start Docker Desktop, or select another engine: docker context ls, docker context use NAME; check DOCKER_HOST.',
      )
    case 'silent':
      return blocked(
        'engine',
        'engine-silent',
        `no answer within ${engine.seconds} s${at}`,
        'Restart Docker, because the engine or the connection to it hangs.',
      )
    case 'refused':
      return blocked('engine', 'engine-refused', `${engine.text}${at}`, 'For details: docker version')
  }
}

/** Checks that the engine runs on this machine and that its socket is at the path that compose.yaml mounts. */
function checkPlace({ context }: Facts, rootless: boolean): Finding[] {
  const name = context ? `${context.name}, ${context.host}` : 'unknown'
  if (context && /^(ssh|tcp|https?):/.test(context.host) && !/\/\/(localhost|127\.|\[::1\])/.test(context.host)) {
    const advice = 'The engine mounts files and opens ports on its own machine: work on that machine, or select another context.'
    return [warning('context', 'engine-remote', name, advice)]
  }
  if (rootless) {
    const advice = 'compose.yaml mounts /var/run/docker.sock into socket-proxy: replace it by the path of your socket.'
    return [warning('context', 'engine-rootless', name, advice)]
  }
  return [fine('context', name)]
}

function checkArchitecture({ osType, architecture }: { osType: string; architecture: string }, defaultPlatform?: string): Finding {
  const text = `${osType}/${architecture}`
  if (osType !== 'linux') return blocked('architecture', 'windows-containers', text, 'Switch Docker Desktop to Linux containers.')
  const word = { x86_64: 'amd64', amd64: 'amd64', aarch64: 'arm64', arm64: 'arm64' }[architecture]
  if (!word) return blocked('architecture', 'architecture-unknown', text, 'The images are available for amd64 and arm64 only.')
  if (defaultPlatform && !defaultPlatform.startsWith(`linux/${word}`)) {
    const advice = 'All containers would be emulated and several times slower. Unset DOCKER_DEFAULT_PLATFORM.'
    return warning('architecture', 'architecture-emulated', `${text}, but DOCKER_DEFAULT_PLATFORM=${defaultPlatform}`, advice)
  }
  return fine('architecture', text)
}

function checkMemory(bytes: number): Finding {
  const text = `${(bytes / gib).toFixed(1)} GiB for the engine`
  const more = 'On Docker Desktop: Settings, Resources, Memory; under WSL 2: memory= in .wslconfig.'
  if (bytes < memoryNeeded) return blocked('memory', 'memory-short', text, `The lab needs 2 GiB. ${more}`)
  if (bytes < memoryGood) return warning('memory', 'memory-tight', text, `This is enough for the lab, but not for 5,000 sockets. ${more}`)
  return fine('memory', text)
}

function checkCores(cpus: number): Finding {
  const text = `${cpus} for the engine`
  return cpus < 2
    ? warning('cores', 'cores-few', text, 'The lab runs, but load generator and replicas compete for one core.')
    : fine('cores', text)
}

function checkClock(skewMs: number, uncertaintyMs: number): Finding {
  const text = `the engine's clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead'}`
  if (Math.abs(skewMs) <= skewAllowedMs + uncertaintyMs) return fine('clock', text)
  return warning(
    'clock',
    'clock-off',
    text,
    'Graphs would be empty or shifted. Restart Docker Desktop, or run wsl --shutdown, or set the time.',
  )
}

/** Compares the first two components of version strings such as 28.5.2+dfsg4 and v2.40.3. */
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => (/(\d+)\.(\d+)/.exec(text) ?? [0, 0, 0]).slice(1).map(Number)
  const [major = 0, minor = 0] = numbers(version)
  const [thanMajor = 0, thanMinor = 0] = numbers(than)
  return major < thanMajor || (major === thanMajor && minor < thanMinor)
}
