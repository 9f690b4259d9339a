/** Determines the address at which this machine reaches the lab in a cluster. Pure. */
import { defaultIngress } from '@lab/contract/kubernetes.ts'
import { z } from 'zod'

const ingressSchema = z.object({
  status: z
    .object({
      loadBalancer: z.object({ ingress: z.array(z.object({ ip: z.string().optional(), hostname: z.string().optional() })).default([]) }),
    })
    .optional(),
})

/**
 * Returns the address that clients connect to: the given address, or the one that the Ingress controller has published in the Ingress
 * object, or else the default.
 * @param given the address given by the user, if any
 * @param ingress the output of `kubectl get ingress ws -o json --ignore-not-found`
 */
export function entryOf(given: string | undefined, ingress: string): string {
  if (given !== undefined && given !== '') return given.replace(/^ws/, 'http').replace(/\/$/, '')
  const published = ingress.trim() === '' ? [] : (ingressSchema.parse(JSON.parse(ingress)).status?.loadBalancer.ingress ?? [])
  const host = published.map(({ ip, hostname }) => hostname ?? ip).find((one) => one !== undefined)
  return host === undefined ? defaultIngress : `http://${host.includes(':') ? `[${host}]` : host}`
}
