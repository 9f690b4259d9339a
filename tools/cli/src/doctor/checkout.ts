/** Computes findings about the checkout, the lab's containers and images, and the machine. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import type { Facts } from './facts.ts'
import { blocked, type Finding, fine, warning } from './finding.ts'

const gib = 2 ** 30
const diskNeeded = gib
const diskGood = 5 * gib
/** Maximum number of names in a single line of a finding. */
const listed = 4

export function checkConfiguration({ configProblem, settingProblems, withScaler, compose }: Facts): Finding[] {
  const advice = 'Check .env and the environment variables of this shell.'
  if (!compose.ok) return []
  if (configProblem !== undefined) return [blocked('configuration', 'configuration-invalid', configProblem, advice)]
  if (settingProblems.length === 0) return [fine('configuration', 'compose.yaml, .env and all settings are valid')]
  return settingProblems.map(({ service, text }) => {
    // An invalid scaler setting does not prevent the lab from starting without the scaler.
    const level = service === services.scaler && !withScaler ? warning : blocked
    return level('configuration', 'setting-refused', `${service} would not start: ${text}`, advice)
  })
}

export function checkDisk({ disk }: Facts): Finding[] {
  if (!disk) return []
  const text = `${(disk.freeBytes / gib).toFixed(1)} GiB free in ${disk.path}`
  const advice = 'The images need about 3 GiB. docker system df shows the disk usage of Docker; docker system prune deletes unused data.'
  if (disk.freeBytes < diskNeeded) return [blocked('disk', 'disk-short', text, advice)]
  if (disk.freeBytes < diskGood) return [warning('disk', 'disk-tight', text, advice)]
  return [fine('disk', text)]
}

/** Describes what a plain `docker compose up` would do to outdated replicas. */
export function outdatedText({ replicas, sockets }: { replicas: readonly string[]; sockets: number | undefined }): string {
  const cut = sockets === undefined ? 'all their sockets' : `${sockets} sockets`
  return `a plain docker compose up would recreate ${replicas.length} running replicas at once and cut off ${cut}: ${some(replicas)}`
}

export function checkContainers({ containers, folder, project, engine, outdated }: Facts): Finding[] {
  if (engine.state !== 'answers') return []
  // A replica's project folder is not checked, because replicas created by the scaler record the paths inside the scaler's container.
  const elsewhere = containers.filter((one) => one.service !== services.ws && one.folder !== '' && one.folder !== folder)
  const stopped = containers.filter(({ state }) => state !== 'running' && state !== 'restarting')
  const found: Finding[] = []
  if (elsewhere.length > 0) {
    const text = `${elsewhere.length} containers of the project ${project} were started from ${elsewhere[0]?.folder}`
    const advice = 'up would replace them. Set another project name in .env: COMPOSE_PROJECT_NAME=lab2'
    found.push(warning('containers', 'containers-elsewhere', text, advice))
  }
  if (outdated?.ok === false) {
    const advice = 'Whether up would recreate running replicas is not known: run ./lab rollout --dry-run'
    found.push(warning('containers', 'replicas-unchecked', outdated.problems.join('; '), advice))
  }
  if (outdated?.ok && outdated.value.replicas.length > 0) {
    const advice = 'To replace them one by one without lost sockets: ./lab rollout (--dry-run shows the changes)'
    found.push(warning('containers', 'replicas-outdated', outdatedText(outdated.value), advice))
  }
  if (stopped.length > 0) {
    const text = `stopped: ${some(stopped.map(({ name }) => name))}`
    found.push(warning('containers', 'containers-stopped', text, 'up would start them again unchanged. To remove them: ./lab down'))
  }
  return found.length > 0
    ? found
    : [fine('containers', containers.length === 0 ? 'no containers of the lab' : `${containers.length} are running`)]
}

export function checkImages({ images, engine }: Facts): Finding[] {
  if (engine.state !== 'answers' || images.length === 0) return []
  const missing = images.filter(({ present }) => !present).map(({ image }) => image)
  if (missing.length === 0) return [fine('images', `all ${images.length} are on this machine`)]
  const text = `${missing.length} of ${images.length} are missing: ${some(missing)}`
  return [
    warning(
      'images',
      'images-missing',
      text,
      'The first ./lab up pulls or builds them. Without a network: ./lab images load FILE, then ./lab up --offline.',
    ),
  ]
}

export function checkLineEndings({ lineEndings }: Facts): Finding[] {
  if (!lineEndings.ok) return [fine('line endings', `not checked: ${lineEndings.problems.join('; ')}`)]
  const crlf = lineEndings.value
  if (crlf.length === 0) return [fine('line endings', 'LF everywhere')]
  // In a shell script, the shell treats a carriage return at the end of a line as part of the command.
  const breaks = crlf.some((path) => path.endsWith('.sh'))
  const level = breaks ? blocked : warning
  const text = `carriage returns in ${some(crlf)}`
  return [
    level(
      'line endings',
      'line-endings',
      text,
      'Let the editor write LF, or restore the file and lose its changes: git checkout-index --force FILE',
    ),
  ]
}

export function checkProxies({ proxies }: Facts): Finding[] {
  const [risky] = proxies.filter(({ noProxy }) => !/(^|[\s,])(localhost|127\.0\.0\.1|127\.0\.0\.0\/8|\*)([\s,]|$)/.test(noProxy))
  if (risky) {
    const advice =
      'Requests to the lab would use the proxy. Set NO_PROXY=localhost,127.0.0.1; for containers, add the service names to noProxy.'
    return [warning('proxy', 'proxy-local', `set by ${risky.where}`, advice)]
  }
  return [
    fine(
      'proxy',
      proxies.length === 0 ? 'none' : `set by ${proxies.map(({ where }) => where).join(', ')}; requests to this machine bypass it`,
    ),
  ]
}

function some(names: readonly string[]): string {
  const more = names.length - listed
  return `${names.slice(0, listed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
