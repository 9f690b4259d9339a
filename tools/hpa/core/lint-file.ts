/** Finds what is wrong in the autoscalers of a file. Pure. */
import { type Result, success } from '@lab/contract/result.ts'
import { defaultControllerOptions, type HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import { autoscalersAmong } from './autoscalers.ts'
import { objectsIn, pathOf, valueAt } from './documents.ts'
import { type Finding, lint, type Severity } from './lint.ts'
import { type Workload, workloadsAmong } from './workload.ts'

/** What is known about the surroundings of the autoscalers in a file. */
export interface Context {
  /** The possible targets; undefined if no files with targets were given. */
  readonly workloads: readonly Workload[] | undefined
  readonly running: number | null
  /** The number of connections that a replica accepts if its workload does not set it; null if that is unknown. */
  readonly maxConnections: number | null
  /** The autoscalers of other files, which may have the same target. */
  readonly others?: readonly HorizontalPodAutoscaler[]
}

/** Returns the autoscalers in a file, for the context of other files; none if the file is invalid. */
export function autoscalersIn(text: string, file: string): HorizontalPodAutoscaler[] {
  const objects = objectsIn(text, file)
  const read = objects.ok ? autoscalersAmong(objects.value, text, file) : objects
  return read.ok ? read.value.map(({ hpa }) => hpa) : []
}

/** Returns the findings about all autoscalers in a file, or why the file is invalid. */
export function lintFile(text: string, file: string, context: Context): Result<Finding[]> {
  const objects = objectsIn(text, file)
  if (!objects.ok) return objects
  const read = autoscalersAmong(objects.value, text, file)
  if (!read.ok) return read
  const found = workloadsAmong(objects.value)
  const workloads = context.workloads === undefined && found.length === 0 ? undefined : [...found, ...(context.workloads ?? [])]
  return success(
    read.value.flatMap((one) => {
      const { object, hpa, sourceOf } = one
      const workload = workloads && (targetOf(hpa, workloads) ?? null)
      return lint({
        hpa,
        options: defaultControllerOptions,
        sourceOf,
        placeOf: (field) => ({ file, line: object.lineOf(field) }),
        isWritten: (field) => valueAt(object.value, ...pathOf(sourceOf(field))) != null,
        keda: one.activation === undefined ? undefined : { activation: one.activation, value: object.value },
        workload,
        running: context.running,
        maxConnections: workload?.maxConnections?.value ?? context.maxConnections,
        rivals: [...read.value.flatMap((other) => (other === one ? [] : other.hpa)), ...(context.others ?? [])]
          .filter((other) => sameTarget(other, hpa))
          .map(({ name }) => name),
      })
    }),
  )
}

function targetOf({ scaleTargetRef }: HorizontalPodAutoscaler, workloads: readonly Workload[]): Workload | undefined {
  const named = workloads.filter(({ name }) => name === scaleTargetRef.name)
  return named.find(({ kind }) => kind === scaleTargetRef.kind) ?? named.find(({ kind }) => kind === 'service')
}

function sameTarget(one: HorizontalPodAutoscaler, other: HorizontalPodAutoscaler): boolean {
  const [a, b] = [one.scaleTargetRef, other.scaleTargetRef]
  return one.namespace === other.namespace && a.kind === b.kind && a.name === b.name
}

/** Formats the findings for a terminal, ending with a line that counts them. */
export function lintText(findings: readonly Finding[], files: readonly string[]): string {
  const blocks = findings.map(
    ({ file, line, severity, rule, field, what, why, write }) =>
      `${file}:${line}: ${severity} ${rule}: ${field}\n  what:  ${what}\n  why:   ${why}\n  write: ${write}\n`,
  )
  const count = (wanted: Severity) => {
    const number = findings.filter(({ severity }) => severity === wanted).length
    return `${number} ${wanted}${number === 1 ? '' : 's'}`
  }
  return `${blocks.join('')}${files.join(', ')}: ${count('error')}, ${count('warning')}, ${count('note')}\n`
}

/** Whether the findings contain more than notes. */
export function isWrong(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity !== 'note')
}
