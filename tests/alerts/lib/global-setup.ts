/** Starts the lab with a paused scaler, so that only the tests change the replicas. The lab is always shut down after the tests. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { overlayServices } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { pauseFilePath } from '@lab/scaler/decision-log.ts'
import type { TestProject } from 'vitest/node'
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
    // One synchronisation every 3 s.
    SCALER_TIME_SCALE: '5',
    SCALER_STATE: stateFolder,
    LAB_UID: String(process.getuid?.() ?? 0),
    LAB_GID: String(process.getgid?.() ?? 0),
  }
  const stack: Stack = { project: `labalerts-${process.pid}`, env, missing: {}, startSeconds: 0 }
  return boot(project, stack, async (stop) => {
    await rm(fromRoot(reportFolder), { recursive: true, force: true })
    await cp(fromRoot('prometheus'), fromRoot(prometheusFolder), { recursive: true })
    const pause = fromRoot(pauseFilePath(stateFolder))
    await mkdir(dirname(pause), { recursive: true })
    await writeFile(pause, '')
    await getImages(stack, stop)
    // The services are listed by name, because Compose would otherwise require Grafana's image, even with `--scale grafana=0`.
    const some = [...expectedServices(stack), ...overlayServices]
    const up = ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '120']
    // Valkey starts first, so that no replica has to start without it.
    await compose(stack, [...up, services.valkey], { withinSeconds: 150, stop })
    await compose(stack, [...up, '--scale', `${services.ws}=${replicas}`, ...some], { withinSeconds: 150, stop })
  })
}
