/** Boots the lab with its scaler, which is paused: it decides, and leaves the replicas to the tests. Taken down whatever happens. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TestProject } from 'vitest/node'
import { services } from '../../../contract/src/endpoints.ts'
import { pauseFilePath } from '../../../scaler/src/decision-log.ts'
import { docker } from '../../stack/lib/docker.ts'
import { boot, freePorts, getImages } from '../../stack/lib/global-setup.ts'
import { compose, expectedServices, type Stack } from '../../stack/lib/stack.ts'
import { composeFiles, fromRoot, maxConnections, prometheusFolder, replicas, reportFolder, stateFolder } from './settings.ts'

export default async function setup(project: TestProject): Promise<() => void> {
  await docker(['version'], { withinSeconds: 20 })
  const env = {
    ...(await freePorts()),
    COMPOSE_FILE: composeFiles.join(':'),
    COMPOSE_PATH_SEPARATOR: ':',
    MAX_CONNECTIONS: String(maxConnections),
    // A sync every 3 s.
    SCALER_TIME_SCALE: '5',
    SCALER_STATE: stateFolder,
    LAB_UID: String(process.getuid?.() ?? 0),
    LAB_GID: String(process.getgid?.() ?? 0),
  }
  const stack: Stack = { project: `labalerts-${process.pid}`, env, missing: {}, startSeconds: 0 }
  return boot(project, stack, async () => {
    await rm(fromRoot(reportFolder), { recursive: true, force: true })
    await cp(fromRoot('prometheus'), fromRoot(prometheusFolder), { recursive: true })
    const pause = fromRoot(pauseFilePath(stateFolder))
    await mkdir(dirname(pause), { recursive: true })
    await writeFile(pause, '')
    await getImages(stack)
    // With --scale grafana=0 Compose would still want its image.
    const some = [...expectedServices(stack), services.scaler, services.scalerProxy]
    const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '120']
    // First, so that no replica has to start without it.
    await compose(stack, [...up, services.valkey], { withinSeconds: 150 })
    await compose(stack, [...up, '--scale', `${services.ws}=${replicas}`, ...some], { withinSeconds: 150 })
  })
}
