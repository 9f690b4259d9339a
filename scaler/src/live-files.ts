/**
 * The autoscaler's file and the mapping file, as they hold now. Both are read again whenever asked, so a change counts from
 * the next synchronisation on. A file that is refused changes nothing: what was read before it holds.
 */
import { readFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import type { HorizontalPodAutoscaler } from './core/types.ts'
import { defaultControllerOptions } from './core/types.ts'
import type { MetricMap } from './metric-map.ts'
import { readMetricMap } from './metric-map.ts'
import { problemText, readHpa } from './spec/read.ts'

export interface LivePaths {
  readonly hpa: string
  readonly metricMap: string
}

export interface LiveFiles {
  readonly hpa: HorizontalPodAutoscaler
  readonly map: MetricMap
}

export interface Reread extends LiveFiles {
  /** Why a newer file is not taken, in one line. */
  readonly refused?: string
}

/**
 * Gives a function that reads both files again; it never rejects.
 * @param first what they held at the start
 * @param say tells a person, in one line: once for each change
 */
export function liveFiles(paths: LivePaths, first: LiveFiles, say: (line: string) => void): () => Promise<Reread> {
  let held = first
  let refusedBefore: string | undefined
  return async () => {
    const read = await readLiveFiles(paths)
    const problems = 'problems' in read ? read.problems : identityProblems(paths.hpa, read.hpa, first.hpa)
    if ('problems' in read || problems.length > 0) {
      const refused = problems.join('; ')
      if (refused !== refusedBefore) say(`not taken, the settings from before hold: ${refused}`)
      refusedBefore = refused
      return { ...held, refused }
    }
    const changed = (['hpa', 'map'] as const).filter((part) => JSON.stringify(read[part]) !== JSON.stringify(held[part]))
    for (const part of changed) say(`${part === 'hpa' ? paths.hpa : paths.metricMap} has changed: it counts from now on`)
    if (refusedBefore !== undefined && changed.length === 0) say('the files are as they were before')
    refusedBefore = undefined
    held = read
    return held
  }
}

/** Both files, or every problem with them. */
export async function readLiveFiles({ hpa, metricMap }: LivePaths): Promise<LiveFiles | { readonly problems: readonly string[] }> {
  const [hpaText, mapText] = await Promise.all([textOf(hpa), textOf(metricMap)])
  if ('problem' in hpaText) return { problems: [hpaText.problem] }
  if ('problem' in mapText) return { problems: [mapText.problem] }
  const read = readHpa(hpaText.text, hpa, defaultControllerOptions.featureGates)
  if ('problems' in read) return { problems: read.problems.map(problemText) }
  const target = read.hpa.scaleTargetRef.name
  if (target !== services.ws)
    return { problems: [`${hpa}: spec.scaleTargetRef.name: ${target}; the service that can be scaled is ${services.ws}`] }
  const map = readMetricMap(mapText.text, metricMap)
  return 'problems' in map ? map : { hpa: read.hpa, map: map.map }
}

/** Another name is another autoscaler: what is remembered is not about it. */
function identityProblems(file: string, now: HorizontalPodAutoscaler, first: HorizontalPodAutoscaler): string[] {
  return (['name', 'namespace'] as const)
    .filter((field) => now[field] !== first[field])
    .map((field) => `${file}: metadata.${field}: ${now[field]}; a scaler that runs stays with ${first[field]}: restart it`)
}

async function textOf(path: string): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    return { problem: `${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
}
