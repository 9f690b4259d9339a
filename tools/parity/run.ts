/** Runs the open and the closed loop of a recording with a real HPA controller. */
import { followAudit } from './audit-log.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { compareMoments } from './core/compare.ts'
import { compareCurves } from './core/curves.ts'
import type { Reported } from './core/metrics-api.ts'
import { closedLoop, openMoment, type Recording } from './core/recording.ts'
import type { Loop, ParityResult } from './core/result.ts'
import { serveMetrics } from './metrics-server.ts'
import { type Played, play } from './play.ts'

export interface RunSettings {
  /** Folder with etcd, kube-apiserver and kube-controller-manager. */
  readonly binaries: string
  /** Ends the run early. */
  readonly stop: AbortSignal
  /** Prints a line about the progress of the run. */
  readonly say: (line: string) => void
}

/** Runs both loops. Stops the control plane also if the run fails. */
export async function runParity(recording: Recording, { binaries, stop, say }: RunSettings): Promise<ParityResult> {
  const startedAt = new Date().toISOString()
  say(`starting etcd and kube-apiserver from ${binaries}`)
  const plane = await startControlPlane({ binaries, gates: recording.options.featureGates, stop })
  try {
    return { startedAt, ...(await runLoops(plane, recording, say)) }
  } finally {
    await plane.stop()
  }
}

async function runLoops(plane: ControlPlane, recording: Recording, say: RunSettings['say']): Promise<Omit<ParityResult, 'startedAt'>> {
  const { moments, options } = recording
  const { syncPeriodSeconds } = options
  const reported = new Map<string, Reported>()
  const metrics = await serveMetrics(plane, (namespace) => reported.get(namespace))
  try {
    const restart = () => plane.startController(options)
    await restart()
    const stage = { plane, audit: followAudit(plane), reported, syncPeriodSeconds, restart }
    say(`playing ${moments.length} moments, one every ${syncPeriodSeconds.toFixed(1)} s, to kube-controller-manager ${plane.version}`)
    const model = closedLoop(recording)
    const [target, count] = [model.hpa.scaleTargetRef.name, moments.length]
    const open = () => play(stage, { namespace: 'open', target, count, next: (i, at) => openMoment(recording, i, at) })
    const closed = () => play(stage, { namespace: 'closed', target, count, next: model.moment })
    // A restart of the controller in the open loop would also erase the controller's memory of the closed loop.
    const together = moments.every((moment) => !moment.restart)
    const [openPlayed, closedPlayed] = together ? await Promise.all([open(), closed()]) : [await open(), await closed()]
    const first = closedPlayed[0]?.observation.scale
    const curve = countsAfter(closedPlayed)
    const replayed = model.replayed(closedPlayed.map(({ sync }) => sync.atSeconds))
    return {
      kubernetes: plane.version,
      recording: { id: recording.id, source: recording.source, timeScale: recording.timeScale },
      syncPeriodSeconds,
      open: loopOf(openPlayed, recording),
      closed: {
        ...loopOf(closedPlayed, recording),
        controller: curve,
        replay: replayed,
        comparison: compareCurves(curve, replayed, first && 'specReplicas' in first ? first.specReplicas : 0),
      },
    }
  } finally {
    await metrics.close()
  }
}

function loopOf(played: readonly Played[], { options }: Recording): Loop {
  return { moments: compareMoments(played, options), late: played.filter(({ inTime }) => !inTime).length }
}

/** Returns the number of replicas after each sync of the closed loop. */
function countsAfter(played: readonly Played[]) {
  let replicas = 0
  return played.map(({ observation, sync }) => {
    if ('specReplicas' in observation.scale) replicas = observation.scale.specReplicas
    replicas = sync.scaleTo ?? replicas
    return { atSeconds: sync.atSeconds, replicas }
  })
}
