/** Implements the `scale` command, which sets the number of replicas. */
import { resolve } from 'node:path'
import { embeddedBounds } from '@lab/contract/embedded-api.ts'
import { services } from '@lab/contract/endpoints.ts'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { scaleCommand } from '@lab/host/compose.ts'
import { attached, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { finishScaling } from '@lab/host/scaling.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { refuseDeploy } from '@lab/lab/compose/deploy/state.ts'
import { labContainers, model, runningAmong, serviceContainers, startOf } from '@lab/lab/compose/project.ts'
import { rolloutFolder, rolloutStore } from '@lab/lab/compose/rollout/store.ts'
import { isPaused, pauseHint } from '@lab/lab/kubernetes/hpa.ts'
import type { KubernetesLab } from '@lab/lab/kubernetes/lab.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import type { Command } from 'commander'
import { embeddedLab } from '../embedded.ts'
import { onKubernetes } from '../kubernetes.ts'

export function register(program: Command): void {
  program
    .command('scale')
    .description('set the number of replicas, without changing other services')
    .argument('<replicas>', 'number of replicas', wholeNumber(0, 100))
    .addOption(onOption())
    .addOption(pageOption())
    .addHelpText('after', examples('./lab scale 5', './lab scale 3', './lab scale 4 --on embedded', './lab scale 4 --on kubernetes'))
    .action((replicas: number, which: WhichLab, command: Command) => {
      switch (which.on) {
        case 'compose':
          return scaleCompose(replicas)
        case 'embedded':
          return scaleEmbedded(replicas, which, command)
        case 'kubernetes':
          return onKubernetes((lab) => scaleKubernetes(replicas, lab))
      }
    })
}

async function scaleKubernetes(replicas: number, lab: KubernetesLab): Promise<void> {
  await lab.scaleTo(replicas)
  say(`${replicas} pods are Ready`)
  const hpa = await lab.hpa()
  if (hpa !== undefined && replicas > 0 && !isPaused(hpa))
    say(`The HPA ${hpa.metadata.name} may change the number again; ${pauseHint(hpa)}`)
}

async function scaleEmbedded(replicas: number, which: WhichLab, command: Command): Promise<void> {
  const { min, max } = embeddedBounds.replicas
  if (replicas < min || replicas > max) {
    return command.error(`error: ${replicas} replicas of an embedded lab: allowed is a whole number from ${min} to ${max}`, {
      exitCode: exitCodes.notTried,
    })
  }
  const lab = await embeddedLab(which)
  const { scaler } = await lab.readings()
  if (scaler?.paused === false) say('The scaler is running and may change the number again, unless it is paused on the live page.')
  await lab.scaleTo(replicas)
  say(`${replicas} replicas are ready`)
}

async function scaleCompose(replicas: number): Promise<void> {
  const containers = await labContainers()
  const running = runningAmong(containers)
  if (running.size === 0) throw new LabError('the lab does not run; start it: ./lab up')
  if (running.has(services.scaler)) {
    say('The scaler is running and may change the number again. To pause it: ./lab scaler pause. To resume it: ./lab scaler resume.')
  }
  const { name } = await model()
  refuseDeploy(await rolloutStore(resolve(root, rolloutFolder(name))).read())
  const { files, env } = await startOf(containers)
  const exitCode = await attached(scaleCommand({ replicas, files, env }))
  if (exitCode === 0 || exitCode === exitCodes.interrupted) {
    process.exitCode = exitCode
    return
  }
  const why = `docker compose exited with ${exitCode}, the reason is above`
  const frozen = await finishScaling({ wanted: replicas, why, list: () => serviceContainers(name, services.ws) })
  // Compose also fails if another program, such as the scaler, removes the same replica at the same time.
  if (frozen === null) say(`${why}, but there are ${replicas} replicas, and all of them are started.`)
  else say(`There are ${replicas} replicas, and all of them are started except for the frozen ones. ${frozen}`)
}
