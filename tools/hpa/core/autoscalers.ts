/** Reads the autoscalers in a file. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import type { FileObject } from './documents.ts'

/** An autoscaler, and the object in the file that defines it. */
export interface Autoscaler {
  readonly object: FileObject
  readonly hpa: HorizontalPodAutoscaler
}

/** Returns all autoscalers among a file's objects, at least one, or why the file is invalid. */
export function autoscalersAmong(objects: readonly FileObject[], text: string, file: string): Result<Autoscaler[]> {
  const chosen = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
  const problems: string[] = []
  const autoscalers: Autoscaler[] = []
  for (const object of chosen) {
    const read = readHpa(object.text, file, defaultControllerOptions.featureGates)
    if (read.ok) autoscalers.push({ object, hpa: read.value })
    else problems.push(...read.problems)
  }
  if (problems.length > 0) return failure(...problems)
  if (autoscalers.length > 0) return success(autoscalers)
  const kinds = [...new Set(objects.map(({ kind }) => kind))].filter((kind) => kind !== '' && !kind.endsWith('List'))
  if (kinds.length > 0) return failure(`${file}: has no HorizontalPodAutoscaler, only ${kinds.join(', ')}`)
  // A list, or an object without a kind: the reader of a single autoscaler states what is wrong.
  const read = readHpa(text, file, defaultControllerOptions.featureGates)
  const [object] = objects
  if (!read.ok || object === undefined) return read.ok ? failure(`${file}: the file is empty`) : read
  return success([{ object, hpa: read.value }])
}
