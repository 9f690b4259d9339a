/** Determines the tolerances. A metric whose ratio is within the tolerances does not change the replica count. */
import type { ControllerOptions, HorizontalPodAutoscaler } from './types.ts'

export interface Tolerances {
  readonly down: number
  readonly up: number
}

/**
 * Returns the tolerances from `behavior` if they are set and the feature gate is enabled; otherwise returns the controller's tolerances.
 */
export function tolerancesFor(hpa: HorizontalPodAutoscaler, options: ControllerOptions): Tolerances {
  const own = options.featureGates.HPAConfigurableTolerance ? hpa.behavior : undefined
  return { down: own?.scaleDown.tolerance ?? options.tolerance, up: own?.scaleUp.tolerance ?? options.tolerance }
}

/** Whether the ratio is within the tolerances (bounds included). False for NaN. */
export function isWithin(tolerances: Tolerances, ratio: number): boolean {
  return 1.0 - tolerances.down <= ratio && ratio <= 1.0 + tolerances.up
}
