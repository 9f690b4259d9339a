/** Reads the moments of the HPA controller from the API server's audit log. Pure. */
import type { Condition, HpaEvent } from '@lab/scaler/core/decision.ts'

/** Name of the user as which the controller sends its requests. */
export const controllerUser = 'controller'

/** The audit policy with which the log contains the controller's requests for the scale target, the HPA's status and events. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'RequestResponse',
      users: [controllerUser],
      resources: [
        { group: 'apps', resources: ['deployments/scale'] },
        { group: 'autoscaling', resources: ['horizontalpodautoscalers/status'] },
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    { level: 'None' },
  ],
}

/** A line of the audit log; only the fields that a parity run reads. */
export interface AuditEntry {
  readonly verb: string
  readonly requestReceivedTimestamp: string
  readonly objectRef?: { readonly resource: string; readonly subresource?: string; readonly namespace?: string }
  readonly responseStatus?: { readonly code?: number }
  readonly requestObject?: { readonly spec?: { readonly replicas?: number } }
  readonly responseObject?: {
    readonly type?: string
    readonly reason?: string
    readonly message?: string
    readonly note?: string
    readonly status?: ControllerStatus
  }
}

interface CurrentValues {
  readonly averageUtilization?: number
  readonly averageValue?: string
  readonly value?: string
}

/** The status of the HPA as the API server returns it. */
export interface ControllerStatus {
  readonly desiredReplicas?: number
  /** Each entry has its values in the field that its type names. An entry without values has an empty type. */
  readonly currentMetrics?: readonly Readonly<Record<string, string | { readonly current?: CurrentValues }>>[] | null
  readonly conditions?: readonly (Pick<Condition, 'type' | 'status' | 'reason' | 'message'> & { readonly lastTransitionTime: string })[]
}

/** One sync of the controller, as its requests show it. */
export interface Sync {
  /** The time at which the API server received the controller's request for the scale target, in seconds since 1970. */
  readonly atSeconds: number
  /** The time of the controller's last request for the scale target or the status in this sync. */
  readonly endSeconds: number
  /** The count that the controller wrote; null if it wrote none. */
  readonly scaleTo: number | null
  /** The status after the sync. */
  readonly status: ControllerStatus
  readonly events: readonly HpaEvent[]
}

const combined = /^\(combined from similar events\): /

/** Returns the controller's syncs of the HPA in a namespace, in chronological order. */
export function syncsOf(entries: readonly AuditEntry[], namespace: string): Sync[] {
  const own = entries.filter(({ objectRef, verb }) => objectRef?.namespace === namespace && verb !== 'delete')
  const ordered = own.toSorted((a, b) => momentOf(a) - momentOf(b))
  const syncs: (Omit<Sync, 'events'> & { events: HpaEvent[] })[] = []
  for (const entry of ordered) {
    const { objectRef, verb, responseObject = {}, responseStatus } = entry
    const last = syncs.at(-1)
    const atSeconds = momentOf(entry)
    if (objectRef?.subresource === 'scale' && verb === 'get') {
      syncs.push({ atSeconds, endSeconds: atSeconds, scaleTo: null, status: last?.status ?? {}, events: [] })
    } else if (last === undefined || (responseStatus?.code ?? 0) >= 300) {
      // Requests before the first sync and refused requests have no effect.
    } else if (objectRef?.resource === 'events') {
      const { type, reason = '', message, note } = responseObject
      const text = (message ?? note ?? '').replace(combined, '')
      last.events.push({ type: type === 'Warning' ? 'Warning' : 'Normal', reason, message: text })
    } else {
      const isScale = objectRef?.subresource === 'scale'
      const written = isScale ? { scaleTo: entry.requestObject?.spec?.replicas ?? 0 } : { status: responseObject.status ?? {} }
      syncs[syncs.length - 1] = { ...last, ...written, endSeconds: atSeconds }
    }
  }
  return syncs
}

function momentOf({ requestReceivedTimestamp }: AuditEntry): number {
  const [, whole = '', fraction = ''] = /^(.*?)(\.\d+)?Z$/.exec(requestReceivedTimestamp) ?? []
  return Date.parse(`${whole}Z`) / 1000 + Number(fraction)
}
