/** Finds the running lab on which a command acts. */
import { hostPorts } from '@lab/contract/endpoints.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type ComposeLab, type ComposeOptions, composeLab } from './compose/lab.ts'
import { type EmbeddedLab, embeddedLab } from './embedded/lab.ts'
import { type KubernetesLab, runningKubernetesLab } from './kubernetes/lab.ts'
import type { LabKind, LocalKind } from './lab.ts'

export interface FindOptions<K extends LabKind = LabKind> extends ComposeOptions {
  /** The kind of lab to look for; Compose by default. */
  on?: K
  /** URL of an embedded lab's live page; if omitted, localhost with the default port. */
  page?: string
}

/** Returns the address of the live page that an embedded lab serves by default, on the port in GRAFANA_PORT if that variable is set. */
export function defaultPage(): string {
  return `http://localhost:${process.env.GRAFANA_PORT || hostPorts.GRAFANA_PORT}`
}

/** The labs of all kinds, including the members that only labs of one kind have. */
interface FoundLabs {
  compose: ComposeLab
  embedded: EmbeddedLab
  kubernetes: KubernetesLab
}
export type FoundLab<K extends LabKind = LabKind> = FoundLabs[K]

const finders: { readonly [K in LabKind]: (options: FindOptions) => Promise<FoundLab<K>> } = {
  compose: ({ on: _, page: __, ...options }) => runningComposeLab(options),
  embedded: ({ page }) => embeddedLab(page ?? defaultPage()),
  kubernetes: ({ entry }) => runningKubernetesLab({ ...(entry !== undefined && { entry }) }),
}

/** Returns the running lab of the requested kind. Rejects with a one-line error if no lab is running. */
export function findLab<K extends LabKind = 'compose'>(options: FindOptions<K>): Promise<FoundLab<K>> {
  return finders[options.on ?? ('compose' as K)](options)
}

/**
 * Returns a lab of the requested kind or, if no kind is requested, the embedded lab that answers at its default address, or else the
 * Compose lab. Rejects with a one-line error if no lab is running.
 */
export async function findLocalLab({ on, page }: { on?: LocalKind; page?: string }): Promise<FoundLab<LocalKind>> {
  if (on === 'compose') return findLab({ on })
  const address = page ?? defaultPage()
  try {
    return await embeddedLab(address)
  } catch (error) {
    if (on === 'embedded' || !(error instanceof LabError)) throw error
  }
  return runningComposeLab().catch((error: Error) => {
    throw new LabError(`no lab is running: there is no embedded lab at ${address} (start it: npm start), and on Compose, ${error.message}`)
  })
}

/** Returns the running Compose lab. Rejects with a one-line error if no lab is running or if Docker does not respond. */
export async function runningComposeLab(options: ComposeOptions = {}): Promise<ComposeLab> {
  const lab = await composeLab(options)
  if ((await lab.replicas()).length > 0) return lab
  await lab.close()
  throw new LabError(`no replica of the project ${lab.name} runs; start the lab: ./lab up`)
}
