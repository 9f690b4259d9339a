/** Pauses a lab's scaler while a command changes the replicas. */
import type { Pausable } from './lab.ts'

export interface ScalerHold {
  /** Pauses the scaler unless it is already paused. */
  hold(): Promise<void>
  /** Resumes the scaler if it was paused through this object. Subsequent calls to `release` have no effect. */
  release(): Promise<void>
}

/** @param scaler the lab's scaler; if the lab has no scaler, `hold` and `release` do nothing */
export function scalerHold(scaler: Pausable | undefined): ScalerHold {
  let held = false
  return {
    hold: async () => {
      if (scaler === undefined || (await scaler.isPaused())) return
      // `held` is set before the scaler is paused, so that `release` also resumes the scaler if an error occurs while it is being paused.
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
