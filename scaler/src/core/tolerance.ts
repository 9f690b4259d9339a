/** How far from the target a metric may be before anything is done. */
import type { ControllerOptions, HorizontalPodAutoscaler } from './types.ts'

export interface Tolerances {
  readonly down: number
  readonly up: number
}

/** The autoscaler's own tolerances where it has them and the gate is on, otherwise the controller's. */
export function tolerancesFor(hpa: HorizontalPodAutoscaler, options: ControllerOptions): Tolerances {
  const own = options.featureGates.HPAConfigurableTolerance ? hpa.behavior : undefined
  return { down: own?.scaleDown.tolerance ?? options.tolerance, up: own?.scaleUp.tolerance ?? options.tolerance }
}

/** Both bounds belong to it; a ratio that is not a number does not. */
export function isWithin(tolerances: Tolerances, ratio: number): boolean {
  return 1.0 - tolerances.down <= ratio && ratio <= 1.0 + tolerances.up
}
