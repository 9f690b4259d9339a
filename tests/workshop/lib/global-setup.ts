/** Gets the images and makes room for a learner; the lab itself is started by the first step's page. It is taken down whatever happens. */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { root } from '../../stack/lib/compose-file.ts'
import { docker } from '../../stack/lib/docker.ts'
import { boot, freePorts, getImages } from '../../stack/lib/global-setup.ts'
import type { Stack } from '../../stack/lib/stack.ts'
import { learnerFolder, outputFolder, stateFolder } from './settings.ts'

/** Kept in git so that the folder is there. */
const kept = '.gitkeep'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await docker(['version'], { withinSeconds: 20 })
  // With both files, for what is built and what is taken down; the pages' commands choose for themselves.
  const env = { ...(await freePorts()), COMPOSE_FILE: 'compose.yaml:compose.k8s-sim.yaml', COMPOSE_PATH_SEPARATOR: ':' }
  const stack: Stack = { project: `labworkshop-${process.pid}`, env, missing: {}, startSeconds: 0 }
  const aside = await mkdtemp(join(tmpdir(), 'lab-workshop-'))
  if ((await filesIn(learnerFolder)).length > 0) console.warn(`what is in workshop/my is kept in ${aside} meanwhile`)
  await moveFiles(learnerFolder, aside)
  const down = await boot(project, stack, async () => {
    for (const folder of [`${root}${stateFolder}`, outputFolder]) await rm(folder, { recursive: true, force: true })
    await mkdir(outputFolder, { recursive: true })
    await getImages(stack)
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
  return (await readdir(folder)).filter((file) => file !== kept)
}
