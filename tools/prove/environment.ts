/**
 * Collects information about a run's environment: the machine, the container engine, the images and the revision. Missing values are
 * reported as unknown.
 */
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { run, tryDocker } from '@lab/host/docker.ts'
import type { FoundLab } from '@lab/lab/find.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
import type { Environment } from './report/schema.ts'

const unknown = 'unknown'

/**
 * @param args the command-line arguments as typed
 * @param loadAtStart load average over one minute at the start of the run
 */
export async function readEnvironment(
  lab: FoundLab<LocalKind>,
  seed: number,
  args: readonly string[],
  loadAtStart: number,
): Promise<Environment> {
  const [engine, revision] = await Promise.all([
    engineOf(lab),
    run('git', ['describe', '--always', '--dirty', '--abbrev=12'], { withinSeconds: 10 }),
  ])
  return {
    cores: cpus().length,
    memoryBytes: totalmem(),
    cpu: cpus()[0]?.model.trim() || unknown,
    loadAverage: [loadAtStart, loadavg()[0] ?? 0],
    kernel: `${type()} ${release()}`,
    ...engine,
    node: process.version,
    seed,
    commandLine: ['./lab', ...args].join(' '),
    revision: (revision.exitCode === 0 && revision.stdout.trim()) || unknown,
  }
}

async function engineOf(lab: FoundLab<LocalKind>): Promise<Pick<Environment, 'engine' | 'compose' | 'images'>> {
  if (lab.kind === 'embedded') return { engine: 'not used', compose: 'not used', images: [] }
  const [engine, compose, images] = await Promise.all([
    answerTo(['version', '--format', '{{.Server.Version}}']),
    answerTo(['compose', 'version', '--short']),
    imagesOf(lab.name),
  ])
  return { engine, compose, images }
}

async function imagesOf(project: string): Promise<Environment['images']> {
  const { stdout } = await tryDocker(['ps', '--filter', `label=com.docker.compose.project=${project}`, '--format', '{{.ID}}'])
  const ids = stdout.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const format = '{{index .Config.Labels "com.docker.compose.service"}}\t{{.Config.Image}}\t{{.Image}}'
  const { stdout: lines } = await tryDocker(['inspect', '--format', format, ...ids])
  const images = lines.split('\n').flatMap((line) => {
    const [service, image, id] = line.split('\t')
    return service && image && id ? [{ service, image, id: id.replace('sha256:', '').slice(0, 12) }] : []
  })
  return [...new Map(images.map((one) => [one.service, one])).values()].sort((a, b) => (a.service < b.service ? -1 : 1))
}

async function answerTo(args: readonly string[]): Promise<string> {
  const { exitCode, stdout } = await tryDocker(args)
  return (exitCode === 0 && stdout.trim()) || unknown
}
