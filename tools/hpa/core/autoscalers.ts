/** Reads the autoscalers in a file. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { readHpa } from '@lab/scaler/manifest/read.ts'
import type { FileObject } from './documents.ts'
import { type Activation, readScaledObject, scaledJobProblem } from './keda.ts'

/** An autoscaler, and the object in the file that defines it: a HorizontalPodAutoscaler, or a ScaledObject of KEDA. */
export interface Autoscaler {
  readonly object: FileObject
  readonly hpa: HorizontalPodAutoscaler
  /** KEDA's part in the number of replicas; undefined for a HorizontalPodAutoscaler. */
  readonly activation?: Activation
  /** Returns the field of the object that corresponds to a field of the HPA. */
  sourceOf(field: string): string
}

/** Returns all autoscalers among a file's objects, at least one, or why the file is invalid. */
export function autoscalersAmong(objects: readonly FileObject[], text: string, file: string): Result<Autoscaler[]> {
  const problems: string[] = objects.filter(({ kind }) => kind === 'ScaledJob').map(scaledJobProblem)
  const autoscalers: Autoscaler[] = []
  for (const object of objects) {
    const read = autoscalerOf(object)
    if (read?.ok === true) autoscalers.push(read.value)
    else problems.push(...(read?.problems ?? []))
  }
  if (problems.length > 0) return failure(...problems)
  if (autoscalers.length > 0) return success(autoscalers)
  const kinds = [...new Set(objects.map(({ kind }) => kind))].filter((kind) => kind !== '' && !kind.endsWith('List'))
  if (kinds.length > 0) return failure(`${file}: has no HorizontalPodAutoscaler and no ScaledObject, only ${kinds.join(', ')}`)
  // A list, or an object without a kind: the reader of a single autoscaler states what is wrong.
  const read = readHpa(text, file, defaultControllerOptions.featureGates)
  const [object] = objects
  if (!read.ok || object === undefined) return read.ok ? failure(`${file}: the file is empty`) : read
  return success([{ object, hpa: read.value, sourceOf: same }])
}

/** Returns the autoscaler that an object is, or undefined for an object of another kind. */
function autoscalerOf(object: FileObject): Result<Autoscaler> | undefined {
  if (object.kind === 'ScaledObject') {
    const read = readScaledObject(object)
    return read.ok ? success({ object, ...read.value }) : read
  }
  if (object.kind !== 'HorizontalPodAutoscaler') return undefined
  const read = readHpa(object.text, object.file, defaultControllerOptions.featureGates)
  return read.ok ? success({ object, hpa: read.value, sourceOf: same }) : read
}

const same = (field: string) => field
