/** Where a run was made: machine, engine, images, revision. What can't be had is said to be unknown. */
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { tryDocker } from './docker.ts'
import type { Environment } from './report/schema.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const unknown = 'unknown'

/** @param loadAtStart load average of a minute when the run began */
export async function readEnvironment(project: string, seed: number, args: readonly string[], loadAtStart: number): Promise<Environment> {
  const [engine, compose, images, revision] = await Promise.all([
    said(['version', '--format', '{{.Server.Version}}']),
    said(['compose', 'version', '--short']),
    imagesOf(project),
    execa('git', ['describe', '--always', '--dirty', '--abbrev=12'], { cwd: root, reject: false, timeout: 10_000 }),
  ])
  return {
    ...{
      cores: cpus().length,
      memoryBytes: totalmem(),
      cpu: cpus()[0]?.model.trim() || unknown,
      loadAverage: [loadAtStart, loadavg()[0] ?? 0],
      kernel: `${type()} ${release()}`,
    },
    ...{ engine, compose, node: process.version, images, seed, commandLine: `npm run prove -- ${args.join(' ')}` },
    revision: (revision.exitCode === 0 && revision.stdout.trim()) || unknown,
  }
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

async function said(args: readonly string[]): Promise<string> {
  const { exitCode, stdout } = await tryDocker(args)
  return (exitCode === 0 && stdout.trim()) || unknown
}
