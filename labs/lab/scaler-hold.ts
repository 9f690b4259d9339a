/** Pauses a lab's scaler while a command changes the replicas. */
import type { LabScaler } from './lab.ts'

export interface ScalerHold {
  /** Pauses the scaler unless the scaler is already paused. */
  hold(): Promise<void>
  /** Resumes the scaler if this object has paused the scaler. Calling `release` again has no effect. */
  release(): Promise<void>
}

/** @param scaler the scaler of the lab; if the lab has no scaler, `hold` and `release` do nothing */
export function scalerHold(scaler: LabScaler | undefined): ScalerHold {
  let held = false
  return {
    hold: async () => {
      if (scaler === undefined || (await scaler.isPaused())) return
      // The flag `held` is set before the scaler is paused, so that `release` also resumes the scaler if pausing failed halfway.
      held = true
      await scaler.pause()
    },
    release: async () => {
      if (!held) return
      held = false
      await scaler?.resume()
    },
  }
}
