/** Interprets the cluster's HorizontalPodAutoscaler, and decides what it would do to a number of replicas. Pure. */
import { namespace } from '@lab/contract/kubernetes.ts'
import { typed } from '@lab/host/compose.ts'
import { z } from 'zod'

const rules = z.object({ selectPolicy: z.string().optional() }).optional()

const hpaSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    minReplicas: z.number().default(1),
    maxReplicas: z.number(),
    behavior: z.object({ scaleUp: rules, scaleDown: rules }).optional(),
  }),
})
export type Hpa = z.infer<typeof hpaSchema>

const disabled = 'Disabled'
/** The policy that an HPA uses if its manifest contains none. */
const usual = 'Max'

/** The policies by which an HPA chooses among its scale-up rules and among its scale-down rules. */
export interface Policies {
  readonly scaleUp: string
  readonly scaleDown: string
}

/** Both directions of scaling disabled: the HPA still makes decisions, but no longer acts on them. */
export const paused: Policies = { scaleUp: disabled, scaleDown: disabled }

/** Parses the output of `kubectl get hpa ws -o json --ignore-not-found`; undefined if there is no HPA. */
export function readHpa(text: string): Hpa | undefined {
  return text.trim() === '' ? undefined : hpaSchema.parse(JSON.parse(text))
}

export function policiesOf({ spec: { behavior } }: Hpa): Policies {
  return { scaleUp: behavior?.scaleUp?.selectPolicy ?? usual, scaleDown: behavior?.scaleDown?.selectPolicy ?? usual }
}

/** Whether the HPA is paused, that is, whether both directions of scaling are disabled. */
export function isPaused(hpa: Hpa): boolean {
  const { scaleUp, scaleDown } = policiesOf(hpa)
  return scaleUp === disabled && scaleDown === disabled
}

/** Returns the merge patch that sets an HPA's policies. */
export function patchOf({ scaleUp, scaleDown }: Policies): string {
  return JSON.stringify({ spec: { behavior: { scaleUp: { selectPolicy: scaleUp }, scaleDown: { selectPolicy: scaleDown } } } })
}

/** Returns the commands that pause and resume the HPA, for use in hints. */
export function pauseHint({ metadata: { name } }: Hpa): string {
  const pause = typed({ args: ['-n', namespace, 'patch', 'hpa', name, '--type=merge', '-p', patchOf(paused)] }, 'linux', 'kubectl')
  return `to pause it: ${pause}; to resume it: kubectl apply -k k8s/overlays/dev`
}

/**
 * Returns an error message if the HPA would replace the given number of replicas, because the number is outside minReplicas and maxReplicas,
 * which the HPA enforces even if it is paused; otherwise undefined. An HPA does not scale a Deployment that has 0 replicas.
 */
export function limitProblem(hpa: Hpa | undefined, replicas: number): string | undefined {
  if (hpa === undefined || replicas === 0) return undefined
  const { minReplicas: min, maxReplicas: max } = hpa.spec
  if (replicas >= min && replicas <= max) return undefined
  return `the HPA ${hpa.metadata.name} allows ${min} to ${max} replicas, and would undo ${replicas}; to change its limits: kubectl -n ${namespace} edit hpa ${hpa.metadata.name}`
}
