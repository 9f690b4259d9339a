/**
 * Rereads the HPA file and the mapping file before each sync, so that changes take effect with the next sync. If either file is refused,
 * the previous versions of both files remain in use.
 */
import { readFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { HorizontalPodAutoscaler } from './core/types.ts'
import { defaultControllerOptions } from './core/types.ts'
import { readHpa } from './manifest/read.ts'
import type { MetricMap } from './metric-map.ts'
import { readMetricMap } from './metric-map.ts'

export interface LivePaths {
  readonly hpa: string
  readonly metricMap: string
}

export interface LiveFiles {
  readonly hpa: HorizontalPodAutoscaler
  readonly map: MetricMap
}

export interface Reread extends LiveFiles {
  /** One-line reason why the newest version of the HPA file or the mapping file was refused. */
  readonly refused?: string
}

/**
 * Returns a function that rereads the HPA file and the mapping file and never rejects.
 * @param first the HPA and the mapping that were read when the scaler started
 * @param say prints a line for the operator; called once per file change
 */
export function liveFiles(paths: LivePaths, first: LiveFiles, say: (line: string) => void): () => Promise<Reread> {
  let held = first
  let refusedBefore: string | undefined
  return async () => {
    const read = await readLiveFiles(paths)
    const problems = read.ok ? identityProblems(paths.hpa, read.value.hpa, first.hpa) : read.problems
    if (!read.ok || problems.length > 0) {
      const refused = problems.join('; ')
      if (refused !== refusedBefore) say(`the changed files are refused, and the previous settings stay in use: ${refused}`)
      refusedBefore = refused
      return { ...held, refused }
    }
    const changed = (['hpa', 'map'] as const).filter((part) => JSON.stringify(read.value[part]) !== JSON.stringify(held[part]))
    for (const part of changed) say(`${part === 'hpa' ? paths.hpa : paths.metricMap} has changed and is used from now on`)
    if (refusedBefore !== undefined && changed.length === 0) say('the previous files are restored')
    refusedBefore = undefined
    held = read.value
    return held
  }
}

/** Reads and parses the HPA file and the mapping file. Returns the parsed content of both files, or the errors found in them. */
export async function readLiveFiles({ hpa, metricMap }: LivePaths): Promise<Result<LiveFiles>> {
  const [hpaText, mapText] = await Promise.all([textOf(hpa), textOf(metricMap)])
  if (!hpaText.ok) return hpaText
  if (!mapText.ok) return mapText
  const read = readHpa(hpaText.value, hpa, defaultControllerOptions.featureGates)
  if (!read.ok) return read
  const target = read.value.scaleTargetRef.name
  if (target !== services.ws) {
    return failure(`${hpa}: spec.scaleTargetRef.name: ${target}; only the service ${services.ws} can be scaled`)
  }
  const map = readMetricMap(mapText.value, metricMap)
  return map.ok ? success({ hpa: read.value, map: map.value }) : map
}

/**
 * Returns an error message if the autoscaler's name or namespace has changed, because the scaler's state belongs to the original
 * autoscaler.
 */
function identityProblems(file: string, now: HorizontalPodAutoscaler, first: HorizontalPodAutoscaler): string[] {
  return (['name', 'namespace'] as const)
    .filter((field) => now[field] !== first[field])
    .map((field) => `${file}: metadata.${field}: ${now[field]}; the running scaler uses ${first[field]}; restart it to change the ${field}`)
}

async function textOf(path: string): Promise<Result<string>> {
  try {
    return success(await readFile(path, 'utf8'))
  } catch (error) {
    return failure(`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
