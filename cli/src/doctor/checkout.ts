/** Findings about the checkout, its containers and images, and the machine around it. Pure. */
import { services } from '@lab/contract/endpoints.ts'
import type { Facts } from './facts.ts'
import { blocked, type Finding, fine, warning } from './finding.ts'

const gib = 2 ** 30
const diskNeeded = gib
const diskGood = 5 * gib
/** How many names a line lists. */
const listed = 4

export function checkConfiguration({ configProblem, compose }: Facts): Finding[] {
  if ('problem' in compose) return []
  if (configProblem === undefined) return [fine('configuration', 'compose.yaml and .env are valid')]
  return [blocked('configuration', 'configuration-invalid', configProblem, 'Look at .env and at the variables that are set here.')]
}

export function checkDisk({ disk }: Facts): Finding[] {
  if (!disk) return []
  const text = `${(disk.freeBytes / gib).toFixed(1)} GiB free in ${disk.path}`
  const advice = 'The images take about 3 GiB. docker system df says what Docker keeps; docker system prune deletes what is unused.'
  if (disk.freeBytes < diskNeeded) return [blocked('disk', 'disk-short', text, advice)]
  if (disk.freeBytes < diskGood) return [warning('disk', 'disk-tight', text, advice)]
  return [fine('disk', text)]
}

export function checkContainers({ containers, folder, project, engine }: Facts): Finding[] {
  if (engine.state !== 'answers') return []
  // The scaler starts replicas from the folder in its own container.
  const elsewhere = containers.filter((one) => one.service !== services.ws && one.folder !== '' && one.folder !== folder)
  const stopped = containers.filter(({ state }) => state !== 'running' && state !== 'restarting')
  const found: Finding[] = []
  if (elsewhere.length > 0) {
    const text = `${elsewhere.length} of the project ${project} were started from ${elsewhere[0]?.folder}`
    const advice = 'up would replace them. Give this lab a name of its own in .env: COMPOSE_PROJECT_NAME=lab2'
    found.push(warning('containers', 'containers-elsewhere', text, advice))
  }
  if (stopped.length > 0) {
    const text = `stopped: ${some(stopped.map(({ name }) => name))}`
    found.push(warning('containers', 'containers-stopped', text, 'They would be started again as they are. Away with them: lab down'))
  }
  return found.length > 0 ? found : [fine('containers', containers.length === 0 ? 'none of the lab' : `${containers.length} run`)]
}

export function checkImages({ images, engine }: Facts): Finding[] {
  if (engine.state !== 'answers' || images.length === 0) return []
  const missing = images.filter(({ present }) => !present).map(({ image }) => image)
  if (missing.length === 0) return [fine('images', `all ${images.length} are here`)]
  const text = `${missing.length} of ${images.length} are not here: ${some(missing)}`
  return [
    warning(
      'images',
      'images-missing',
      text,
      'The first lab up fetches or builds them. Without network: lab images load FILE, then lab up --offline.',
    ),
  ]
}

export function checkLineEndings({ lineEndings }: Facts): Finding[] {
  if ('problem' in lineEndings) return [fine('line endings', `not looked at: ${lineEndings.problem}`)]
  const { crlf } = lineEndings
  if (crlf.length === 0) return [fine('line endings', 'LF everywhere')]
  // A shell takes the carriage return for a part of the command.
  const breaks = crlf.some((path) => path.endsWith('.sh'))
  const level = breaks ? blocked : warning
  const text = `carriage returns in ${some(crlf)}`
  return [
    level('line endings', 'line-endings', text, 'Have the editor write LF, or, losing changes there: git checkout-index --force FILE'),
  ]
}

export function checkProxies({ proxies }: Facts): Finding[] {
  const [risky] = proxies.filter(({ noProxy }) => !/(^|[\s,])(localhost|127\.0\.0\.1|127\.0\.0\.0\/8|\*)([\s,]|$)/.test(noProxy))
  if (risky) {
    const advice =
      'Requests to the lab would go through it. Set NO_PROXY=localhost,127.0.0.1; for containers, noProxy with the names of the services.'
    return [warning('proxy', 'proxy-local', `set by ${risky.where}`, advice)]
  }
  return [fine('proxy', proxies.length === 0 ? 'none' : `set by ${proxies.map(({ where }) => where).join(', ')}; this machine is exempt`)]
}

function some(names: readonly string[]): string {
  const more = names.length - listed
  return `${names.slice(0, listed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
