/**
 * Provides the images and an empty learner folder for the workshop tests. The first workshop step starts the lab; this setup always shuts
 * it down.
 */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '@lab/host/docker.ts'
import type { TestProject } from 'vitest/node'
import { root } from '../../stack/lib/compose-file.ts'
import { boot, freePorts, getImages } from '../../stack/lib/global-setup.ts'
import type { Stack } from '../../stack/lib/stack.ts'
import { learnerFolder, outputFolder, stateFolder } from './settings.ts'

/** An empty file in the learner folder, which is needed because Git cannot store an empty folder. */
const placeholder = '.gitkeep'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await docker(['version'], { withinSeconds: 20 })
  // The setup uses both Compose files to build and remove the lab, whereas each command on a workshop page selects its own.
  const env = { ...(await freePorts()), COMPOSE_FILE: 'compose.yaml:compose.k8s-sim.yaml', COMPOSE_PATH_SEPARATOR: ':' }
  const stack: Stack = { project: `labworkshop-${process.pid}`, env, missing: {}, startSeconds: 0 }
  const aside = await mkdtemp(join(tmpdir(), 'lab-workshop-'))
  if ((await filesIn(learnerFolder)).length > 0) console.warn(`the files of workshop/my are moved to ${aside} during the tests`)
  await moveFiles(learnerFolder, aside)
  const down = await boot(project, stack, async (stop) => {
    for (const folder of [`${root}${stateFolder}`, outputFolder]) await rm(folder, { recursive: true, force: true })
    await mkdir(outputFolder, { recursive: true })
    await getImages(stack, stop)
  })
  return async () => {
    down()
    for (const file of await filesIn(learnerFolder)) await rm(join(learnerFolder, file))
    await moveFiles(aside, learnerFolder)
    await rm(aside, { recursive: true })
  }
}

async function moveFiles(from: string, to: string): Promise<void> {
  for (const file of await filesIn(from)) {
    await cp(join(from, file), join(to, file), { preserveTimestamps: true })
    await rm(join(from, file))
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((file) => file !== placeholder)
}
