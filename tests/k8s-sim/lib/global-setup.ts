/** Boots the lab with its scaler, paused, and takes it down whatever happens. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TestProject } from 'vitest/node'
import { services } from '../../../contract/src/endpoints.ts'
import { pauseFilePath } from '../../../scaler/src/decision-log.ts'
import { docker } from '../../stack/lib/docker.ts'
import { boot, freePorts, getImages } from '../../stack/lib/global-setup.ts'
import { compose, expectedServices, type Stack } from '../../stack/lib/stack.ts'
import { composeFiles, fromRoot, hostStateFolder, stateFolder, timeScale } from './settings.ts'

export default async function setup(project: TestProject): Promise<() => void> {
  await docker(['version'], { withinSeconds: 20 })
  const env = {
    ...(await freePorts()),
    COMPOSE_FILE: composeFiles.join(':'),
    COMPOSE_PATH_SEPARATOR: ':',
    SCALER_TIME_SCALE: String(timeScale),
    SCALER_STATE: stateFolder,
    // For the load generator, which writes its summary.
    LAB_UID: String(process.getuid?.() ?? 0),
    LAB_GID: String(process.getgid?.() ?? 0),
  }
  const stack: Stack = { project: `labk8s-${process.pid}`, env, missing: {}, startSeconds: 0 }
  return boot(project, stack, async () => {
    await startPaused()
    await getImages(stack)
    // With --scale grafana=0 Compose would still want its image.
    const some = [...expectedServices(stack), services.scaler, services.scalerProxy]
    await compose(stack, ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '90', ...some], { withinSeconds: 120 })
  })
}

/** Nothing is left of an earlier run, and the replicas are left alone until a test lets the scaler go. */
async function startPaused(): Promise<void> {
  for (const folder of [stateFolder, hostStateFolder]) await rm(fromRoot(folder), { recursive: true, force: true })
  const file = fromRoot(pauseFilePath(stateFolder))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, '')
}
