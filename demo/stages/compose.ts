/** The Compose lab as a stage: seen through Prometheus, acted on through Docker and Compose. */
import { setTimeout as sleep } from 'node:timers/promises'
import { findComposeLab } from '../../chaos/compose-lab.ts'
import type { FaultName } from '../../chaos/core/faults.ts'
import { planOf } from '../../chaos/core/plan.ts'
import type { Step } from '../../chaos/core/types.ts'
import { scaleCommand } from '../../cli/src/compose.ts'
import { docker, tryDocker } from '../../cli/src/docker.ts'
import { openPlaces } from '../../cli/src/places.ts'
import { labContainers, model, profilesOn } from '../../cli/src/project.ts'
import { services } from '../../contract/src/endpoints.ts'
import type { Stage } from '../core/stage.ts'
import { composeLoad } from './compose-load.ts'
import { readPrometheus, sources } from './compose-readings.ts'
import { findScaler } from './compose-scaler.ts'

/** A fault is planned for so long; the director ends it sooner. Seconds. */
const faultSeconds = 120
const scaleWithinSeconds = 120
/** Prometheus looks for new containers, and then reads them, every five seconds. */
const knownWithinMs = 30_000
/** From SIGTERM to the end of a replica. Seconds. */
const leaveWithinSeconds = 60

export interface ComposeOptions {
  seed: number
  /** For the scaler, which is restarted with it and with its own at the end; undefined: as it runs. */
  timeScale?: number
}

/** The lab of this folder and environment; undefined when it does not run. Rejects with one line when it cannot be used. */
export async function composeStage({ seed, timeScale }: ComposeOptions): Promise<Stage | undefined> {
  // No Docker is no lab.
  const containers = (await labContainers().catch(() => [])).filter(({ state }) => state === 'running')
  const running = new Set(containers.map(({ service }) => service))
  if (!running.has(services.ws) || !running.has(services.traefik)) return undefined
  const prometheus = openPlaces(containers).find(({ word }) => word === services.prometheus)?.url
  if (prometheus === undefined) throw new Error('Prometheus does not run, and scenes go by what it shows; start it: lab up')
  const { name: project } = await model()
  await untilKnown(prometheus, project)
  const scalerContainer = containers.find(({ service }) => service === services.scaler)?.name
  if (scalerContainer === undefined && timeScale !== undefined) throw new Error(`--time-scale: ${noScaler}`)
  const scaler = scalerContainer === undefined ? undefined : await findScaler(project, scalerContainer, timeScale)
  const load = composeLoad(running, seed)
  const world = await findComposeLab()
  const undos = new Map<string, readonly Step[]>()
  /** Replicas that were asked to leave, until their containers are gone. */
  const leaving = new Map<string, Promise<void>>()

  const stage: Stage = {
    surface: 'compose',
    timeScale: scaler?.timeScale ?? 1,
    lookEverySeconds: 1,
    // k6's visitors leave and others come.
    steadyShare: 0.93,
    sources,
    lacks: (need) => {
      if (need === 'scaler') return scaler === undefined ? noScaler : undefined
      return running.has(services.valkey) ? undefined : 'Valkey does not run; start it: lab up'
    },
    read: async () => ({
      atSeconds: Date.now() / 1000,
      loadWanted: load.wanted(),
      ...(await readPrometheus(prometheus)),
      ...{ reconnects: null, moves: null, lost: null },
      ...((await scaler?.read()) ?? { scaler: null, decisions: [] }),
    }),
    setLoad: (sockets) => load.set(sockets),
    fault: async (name, replica) => {
      const planned = planOf(name, await world.scene(replica ?? undefined, faultSeconds))
      if (!planned.ok) throw new Error(planned.problem)
      undos.set(keyOf(name, replica), planned.plan.undo)
      for (const step of planned.plan.begin) await world.take(step)
    },
    endFault: async (name, replica) => {
      const steps = undos.get(keyOf(name, replica)) ?? []
      undos.delete(keyOf(name, replica))
      for (const step of steps) await world.take(step)
    },
    setStore: (up) => (up ? stage.endFault('valkey-down', null) : stage.fault('valkey-down', null)),
    setReplicas: async (count) => {
      // Compose would count one that is on its way out.
      await Promise.all(leaving.values())
      await docker(scaleCommand(count, running, profilesOn()), scaleWithinSeconds)
    },
    retire: async (replica) => {
      const container = `${project}-${replica}`
      await docker({ args: ['kill', '--signal', 'TERM', container] }, 20)
      leaving.set(
        container,
        removeWhenGone(container).finally(() => leaving.delete(container)),
      )
    },
    pauseScaler: async (paused) => scaler?.pause(paused),
    setScaler: async (settings) => {
      if (scaler === undefined) throw new Error(noScaler)
      await scaler.set(settings)
    },
    close: async () => {
      await Promise.all(leaving.values())
      await scaler?.restore()
    },
  }
  return stage
}

/**
 * Waits until Prometheus shows the replicas that run, and no other: one that has just started comes some seconds later, and one that
 * has gone stays as long. Rejects with one line.
 */
async function untilKnown(prometheus: string, project: string): Promise<void> {
  const until = performance.now() + knownWithinMs
  for (;;) {
    const running = (await labContainers()).filter(({ service, state }) => service === services.ws && state === 'running')
    const names = new Set(running.map(({ name }) => name.slice(project.length + 1)))
    const shown = new Set((await readPrometheus(prometheus)).replicas.map(({ id }) => id))
    const missing = [...names].filter((name) => !shown.has(name))
    const gone = [...shown].filter((id) => !names.has(id))
    if (missing.length + gone.length === 0) return
    if (performance.now() > until) {
      const what = [...missing.map((name) => `has not found ${name}`), ...gone.map((id) => `still shows ${id}`)].join(', ')
      throw new Error(`Prometheus ${what}; look at: lab status`)
    }
    await sleep(500)
  }
}

const noScaler = 'the lab runs without its scaler; start it: npm run k8s-sim'

const keyOf = (name: FaultName, replica: string | null) => `${name} ${replica}`

/** One that stays would be started again by the next scaling. */
async function removeWhenGone(container: string): Promise<void> {
  await tryDocker({ args: ['wait', container] }, leaveWithinSeconds)
  await tryDocker({ args: ['rm', '--force', container] }, 20)
}
