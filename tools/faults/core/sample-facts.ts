/** Sample facts of a lab of each kind, for tests and for the generated page about faults. */
import type { FactsOf, LabKind } from '@lab/lab/lab.ts'

/** @param seconds duration of the fault */
export function sampleFacts(seconds: number): { [K in LabKind]: FactsOf<K> } {
  const common = { replica: 'ws-2', replicas: 3, seconds }
  return {
    compose: {
      ...common,
      project: 'lab',
      address: '172.18.0.5',
      valkeyStartedAt: '2026-01-31T12:00:00Z',
      traefikStartedAt: '2026-01-31T12:00:00Z',
      hasScaler: true,
    },
    embedded: { ...common, memoryMiB: 100, startedAtSeconds: 1 },
    kubernetes: { ...common, startedAtSeconds: 1, names: ['ws-1', 'ws-2', 'ws-3'] },
  }
}
