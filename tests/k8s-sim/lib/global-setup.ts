/** Starts the lab with a paused scaler, and always shuts the lab down afterwards. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { overlayServices } from '@lab/host/compose.ts'
import { docker } from '@lab/host/docker.ts'
import { pauseFilePath } from '@lab/scaler/decision-log.ts'
import type { TestProject } from 'vitest/node'
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
    // k6 writes its summary as the user and group that run the tests.
    LAB_UID: String(process.getuid?.() ?? 0),
    LAB_GID: String(process.getgid?.() ?? 0),
  }
  const stack: Stack = { project: `labk8s-${process.pid}`, env, missing: {}, startSeconds: 0 }
  return boot(project, stack, async (stop) => {
    await startPaused()
    await getImages(stack, stop)
    // The services are listed by name, because Compose would otherwise require Grafana's image, even with `--scale grafana=0`.
    const some = [...expectedServices(stack), ...overlayServices]
    await compose(stack, ['up', '--detach', '--no-build', '--wait', '--wait-timeout', '90', ...some], { withinSeconds: 120, stop })
  })
}

/** Removes files from earlier test runs, and pauses the scaler until a test resumes it. */
async function startPaused(): Promise<void> {
  for (const folder of [stateFolder, hostStateFolder]) await rm(fromRoot(folder), { recursive: true, force: true })
  const file = fromRoot(pauseFilePath(stateFolder))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, '')
}
