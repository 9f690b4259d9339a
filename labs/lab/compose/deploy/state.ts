/** Defines the deploy data in the rollout record, such as the new colour and its percentage of new connections. */
import { type Colour, colours, otherColour } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import type { Container } from '@lab/host/replicas.ts'
import { z } from 'zod'

export const deploySchema = z.object({
  /** The colour to which the deploy switches. */
  colour: z.enum(colours),
  /** Percentage of new connections that Traefik currently routes to the deployed colour. */
  share: z.number(),
  /** Time at which the percentage of new connections last changed, in ISO 8601. */
  sharedAt: z.string(),
  /** Percentage of new connections that a canary receives; 100 means no canary, and 0 means no connections until `deploy switch`. */
  weight: z.number(),
  /** Duration of the comparison of the canary with the old version. */
  analysisSeconds: z.number(),
  /** Whether new connections are known to have reached the deployed colour. */
  verified: z.boolean(),
  /** Whether the replicas of the other colour continue to run without traffic after the deploy. */
  keep: z.boolean(),
  /** Whether the deploy has paused the scaler and must resume it at the end. */
  holdsScaler: z.boolean(),
})
export type Deploy = z.infer<typeof deploySchema>

/** The rollout-record fields that deploys use. */
interface Recorded {
  readonly rollout?: { readonly ended?: string | undefined; readonly deploy?: Deploy | undefined } | undefined
}

/** Returns the last deploy if it has ended but has left the other colour running; otherwise undefined. */
export function retainedDeploy({ rollout }: Recorded): Deploy | undefined {
  return rollout?.ended !== undefined && rollout.deploy?.keep === true ? rollout.deploy : undefined
}

/**
 * Throws if a deploy is unfinished or has left the other colour running, because any other change to the replicas would conflict with it.
 */
export function refuseDeploy(record: Recorded): void {
  const { rollout } = record
  if (rollout?.deploy !== undefined && rollout.ended === undefined)
    throw new LabError(
      `the deploy of ${rollout.deploy.colour} is not finished; ./lab deploy switch continues it, ./lab deploy rollback reverts it, ./lab deploy status shows its progress`,
    )
  const retained = retainedDeploy(record)
  if (retained === undefined) return
  const other = otherColour(retained.colour)
  throw new LabError(`${other} still runs without traffic; ./lab deploy switch returns to it, ./lab deploy cleanup removes it`)
}

/** Returns a replica's colour from its LAB_COLOUR environment variable, or the first colour if the variable is missing. */
export function colourOf({ Config }: Container): Colour {
  const line = Config.Env?.find((one) => one.startsWith('LAB_COLOUR=')) ?? ''
  return colours.find((colour) => line === `LAB_COLOUR=${colour}`) ?? colours[0]
}
