/** Reads the moments of a recording, and computes the states of the open and the closed loop from them. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { hpaOf, observationOf, optionsOf } from '@lab/scaler/conformance/adapt.ts'
import type { Scenario } from '@lab/scaler/conformance/cases.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from '@lab/scaler/core/types.ts'
import { type LoadTick, loadOf, type RecordedLoad } from '@lab/scaler/replay/load.ts'
import { modelledObservation, modelledStart, replay, scaledReplicas } from '@lab/scaler/replay/replay.ts'
import { compressedHpa, compressedOptions, movedObservation } from './compressed.ts'

export interface RecordedMoment {
  readonly observation: Observation
  readonly hpa: HorizontalPodAutoscaler
  readonly restart: boolean
}

export interface Recording {
  readonly id: string
  readonly source: string
  /** Moments with the compressed autoscaler, and with observations in recorded time. */
  readonly moments: readonly RecordedMoment[]
  /** The compressed options of the controller. */
  readonly options: ControllerOptions
  readonly timeScale: number
}

/** The shortest sync period of a run. It leaves enough time to create the next state between two syncs. */
export const minSyncPeriodSeconds = 2

/** Reads a conformance case for a run. @param count number of moments to play, from the first one */
export function recordingOf(scenario: Scenario, timeScale: number, count: number): Result<Recording> {
  const options = compressedOptions(optionsOf(scenario), timeScale)
  if (options.syncPeriodSeconds < minSyncPeriodSeconds) {
    const most = Math.floor(optionsOf(scenario).syncPeriodSeconds / minSyncPeriodSeconds)
    return failure(`--time-scale ${timeScale}: the sync period would be shorter than ${minSyncPeriodSeconds} s; at most ${most} is allowed`)
  }
  const moments: RecordedMoment[] = []
  let current = scenario.hpa
  let original = hpaOf(current)
  let compressed = compressedHpa(original, timeScale)
  for (const step of scenario.steps.slice(0, count)) {
    if (step.hpa && step.hpa !== current) {
      current = step.hpa
      original = hpaOf(current)
      compressed = compressedHpa(original, timeScale)
    }
    if (!compressed.ok) return failure(...compressed.problems.map((problem) => `--time-scale ${timeScale}: ${problem}`))
    moments.push({ observation: observationOf(step, original, scenario), hpa: compressed.value, restart: step.restart ?? false })
  }
  if (moments.length === 0) return failure(`the case ${scenario.id} has no step`)
  return success({ id: scenario.id, source: scenario.source ?? '', moments, options, timeScale })
}

/** Returns a moment of the open loop: the recorded state, with its times relative to the time of the sync. */
export function openMoment({ moments, timeScale }: Recording, index: number, atSeconds: number): RecordedMoment {
  const moment = moments[index]
  if (moment === undefined) throw new Error(`the recording has no moment ${index}`)
  const { observation } = moment
  return {
    ...moment,
    observation: movedObservation(observation, { recordedSeconds: observation.timeSeconds, wallSeconds: atSeconds, timeScale }),
  }
}

/**
 * Returns the closed loop: the recorded load, distributed over the replicas that the controller made. It uses the model of replay().
 */
export function closedLoop(recording: Recording) {
  const { moments, options, timeScale } = recording
  const hpa = moments.at(-1)?.hpa
  if (hpa === undefined) throw new Error('the recording has no moment')
  const recorded = loadOf(moments.map(({ observation }) => ({ observation, options })))
  const load: RecordedLoad = { ...recorded, startDelaySeconds: recorded.startDelaySeconds / timeScale }
  const tickAt = (tick: LoadTick, timeSeconds: number): LoadTick => ({
    ...tick,
    timeSeconds,
    windowSeconds: tick.windowSeconds / timeScale,
  })
  let replicas: ReturnType<typeof modelledStart> = []
  return {
    hpa,
    /** Returns the next moment. @param before the time of the sync before, and the count that the controller wrote in it */
    moment: (index: number, atSeconds: number, before?: { atSeconds: number; scaleTo: number | null }): RecordedMoment => {
      const recordedTick = load.ticks[index]
      if (recordedTick === undefined) throw new Error(`the recording has no moment ${index}`)
      const tick = tickAt(recordedTick, atSeconds)
      if (before === undefined) replicas = modelledStart({ ...load, ticks: [tick] })
      else if (before.scaleTo !== null) {
        const { startDelaySeconds } = load
        replicas = scaledReplicas(replicas, { to: before.scaleTo, nowSeconds: before.atSeconds, startDelaySeconds })
      }
      return { observation: modelledObservation(tick, replicas, load, hpa.scaleTargetRef.name), hpa, restart: false }
    },
    /** Returns the number of replicas after each sync in a replay of the same load, at the times of the controller's syncs. */
    replayed: (syncSeconds: readonly number[]) => {
      const ticks = syncSeconds.flatMap((atSeconds, i) => {
        const tick = load.ticks[i]
        return tick === undefined ? [] : [tickAt(tick, atSeconds)]
      })
      return replay('replay', hpa, { ...load, ticks }).points.map(({ timeSeconds, replicas: count, needed }) => ({
        atSeconds: timeSeconds,
        replicas: count,
        needed,
      }))
    },
  }
}
