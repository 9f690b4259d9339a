/**
 * Rereads the HPA files and the mapping file, so that changes take effect with the next sync. What cannot be read or is refused changes
 * nothing: the previous version remains in use.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { HorizontalPodAutoscaler } from './core/types.ts'
import { defaultControllerOptions } from './core/types.ts'
import { type HpaInFile, readHpas } from './manifest/read.ts'
import type { MetricMap } from './metric-map.ts'
import { queryProblems, readMetricMap } from './metric-map.ts'

export interface LivePaths {
  /** Files, and folders with files, that contain HorizontalPodAutoscalers. */
  readonly hpa: readonly string[]
  readonly metricMap: string
  /** Files and folders with the autoscalers that decide as shadows of others, and never act. */
  readonly shadow?: readonly string[]
}

/** An autoscaler from one of the files. */
export interface LiveHpa {
  readonly hpa: HorizontalPodAutoscaler
  readonly file: string
  /** The member of LivePaths through which the file was found: the file itself, or its folder. */
  readonly entry: string
  /** All autoscalers of the same scale target, as NAMESPACE/NAME; empty if this one is the only one. */
  readonly sharing: readonly string[]
  /** One-line reason why the newest version of a file was refused, so that the previous version is in use. */
  readonly refused?: string
  /** The autoscaler that decides on the same readings, and never acts. */
  readonly shadow?: HorizontalPodAutoscaler
}

/** A problem in one of the files; it does not concern the autoscalers in other files. */
export interface FileProblem {
  readonly source: string
  readonly text: string
}

export interface LiveFiles {
  /** At least one autoscaler, ordered by name. */
  readonly autoscalers: readonly LiveHpa[]
  readonly map: MetricMap
  readonly problems: readonly FileProblem[]
  /** Metrics without a query, one line for each. They are reported as unreadable until the mapping file has a query. */
  readonly hints: readonly string[]
}

/** The kinds of scale targets, each of which stands for a Compose service. */
export const targetKinds = ['Deployment', 'ReplicaSet', 'ReplicationController', 'StatefulSet']

/** Splits a list of paths that are separated by commas. */
export function pathsIn(list: string): string[] {
  return list
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
}

/**
 * Returns a function that rereads the files and never rejects. Calls that overlap share one reading.
 * @param first what was read when the scaler started
 * @param say prints a line for the operator; called once per file change
 */
export function liveFiles(paths: LivePaths, first: LiveFiles, say: (line: string) => void): () => Promise<LiveFiles> {
  let held = first
  let refusedBefore = linesOf(first.problems)
  let reading: Promise<LiveFiles> | undefined
  const reread = async () => {
    const read = await readLiveFiles(paths)
    const now = read.ok ? withHeld(read.value, held) : allHeld(held, read.problems)
    const refused = linesOf(now.problems)
    if (refused !== refusedBefore && refused !== '') say(`the changed files are refused, and the previous settings stay in use: ${refused}`)
    const changed = changedFiles(paths, held, now)
    for (const file of changed) say(`${file} has changed and is used from now on`)
    for (const hint of now.hints) if (!held.hints.includes(hint)) say(hint)
    if (refused === '' && refusedBefore !== '' && changed.length === 0) say('the previous files are restored')
    refusedBefore = refused
    held = now
    return held
  }
  return () => {
    reading ??= reread().finally(() => {
      reading = undefined
    })
    return reading
  }
}

/** Reads the files. Fails if the mapping file is refused, or if no file has an autoscaler that can be used. */
export async function readLiveFiles(paths: LivePaths): Promise<Result<LiveFiles>> {
  const [live, shadows, mapText] = await Promise.all([autoscalersAt(paths.hpa), autoscalersAt(paths.shadow ?? []), textOf(paths.metricMap)])
  const map = mapText.ok ? readMetricMap(mapText.value, paths.metricMap) : mapText
  if (!map.ok) return map
  const none = paths.hpa.length === 0 ? [{ source: '', text: 'no HPA file is given' }] : []
  const problems = [...none, ...live.problems, ...shadows.problems, ...lonelyShadows(live.found, shadows.found)]
  if (live.found.length === 0) return failure(...problems.map(({ text }) => text))
  const paired = live.found.map((one) => {
    const shadow = shadows.found.find(({ hpa }) => hpa.scaleTargetRef.name === one.hpa.scaleTargetRef.name)
    return { ...one, ...(shadow && { shadow: shadow.hpa }) }
  })
  return success(filesOf(paired, map.value, problems))
}

/** Reports those shadows whose target no autoscaler scales. */
function lonelyShadows(live: readonly FoundHpa[], shadows: readonly FoundHpa[]): FileProblem[] {
  return shadows
    .filter(({ hpa }) => !live.some((one) => one.hpa.scaleTargetRef.name === hpa.scaleTargetRef.name))
    .map(({ hpa, file }) => ({
      source: file,
      text: `${file}: ${hpa.name}: no autoscaler scales ${hpa.scaleTargetRef.name}, so it has no shadow`,
    }))
}

type FoundHpa = Omit<LiveHpa, 'sharing'>

/** Reads all autoscalers at the given paths, and the problems of those that are refused. */
async function autoscalersAt(entries: readonly string[]): Promise<{ found: readonly FoundHpa[]; problems: readonly FileProblem[] }> {
  const found = await Promise.all(entries.map(filesAt))
  const problems: FileProblem[] = []
  const chosen = new Map<string, FoundHpa & { place: string }>()
  for (const [i, entry] of entries.entries()) {
    const files = found[i] ?? failure(`${entry}: was not read`)
    if (!files.ok) problems.push(...files.problems.map((text) => ({ source: entry, text })))
    else
      for (const { file, text } of files.value) {
        const refuse = (...lines: readonly string[]) => problems.push(...lines.map((line) => ({ source: file, text: line })))
        const read = text.ok ? readHpas(text.value, file, defaultControllerOptions.featureGates) : text
        if (!read.ok) refuse(...read.problems)
        else
          for (const one of read.value) {
            const hpa = checked(one)
            const earlier = hpa.ok ? chosen.get(hpa.value.name) : undefined
            if (!hpa.ok) refuse(...hpa.problems)
            else if (earlier !== undefined)
              refuse(`${one.place}: a second HorizontalPodAutoscaler with the name ${hpa.value.name}; the first one is at ${earlier.place}`)
            else chosen.set(hpa.value.name, { hpa: hpa.value, file, entry, place: one.place })
          }
      }
  }
  return { found: [...chosen.values()].map(({ place: _, ...one }) => one), problems }
}

/** Returns the autoscaler, unless its scale target cannot be a Compose service. */
function checked({ hpa, targetPlace }: HpaInFile): Result<HorizontalPodAutoscaler> {
  if (!hpa.ok) return hpa
  const { kind } = hpa.value.scaleTargetRef
  if (targetKinds.includes(kind)) return hpa
  return failure(`${targetPlace}: spec.scaleTargetRef.kind: ${kind} is not scaled here; allowed are ${targetKinds.join(', ')}`)
}

/** Completes the files: orders the autoscalers, and finds those that share a scale target. */
function filesOf(found: readonly FoundHpa[], map: MetricMap, problems: readonly FileProblem[]): LiveFiles {
  const ordered = found.toSorted((a, b) => (a.hpa.name < b.hpa.name ? -1 : 1))
  const autoscalers = ordered.map((one) => {
    // A Compose project has no namespaces, so the name alone determines the service.
    const all = ordered.filter(({ hpa }) => hpa.scaleTargetRef.name === one.hpa.scaleTargetRef.name)
    return { ...one, sharing: all.length < 2 ? [] : all.map(({ hpa }) => `${hpa.namespace}/${hpa.name}`) }
  })
  const hints = autoscalers.flatMap(({ hpa, file }) => queryProblems(map, hpa).map((problem) => `${file}: ${hpa.name}: ${problem}`))
  return { autoscalers, map, problems, hints }
}

/** Adds those autoscalers that were in use before and are now missing because their file or folder is refused. */
function withHeld(read: LiveFiles, before: LiveFiles): LiveFiles {
  const now = { ...read, autoscalers: read.autoscalers.map((one) => ({ ...one, ...heldShadow(one, read, before) })) }
  const names = new Set(now.autoscalers.map(({ hpa }) => hpa.name))
  const remaining = before.autoscalers.flatMap((one) => {
    const why = now.problems.filter(({ source }) => source === one.file || source === one.entry)
    return names.has(one.hpa.name) || why.length === 0 ? [] : [{ ...one, refused: linesOf(why) }]
  })
  return remaining.length === 0 ? now : filesOf([...now.autoscalers, ...remaining], now.map, now.problems)
}

/** Returns the shadow that an autoscaler had before, if its shadow is missing now and a file is refused. */
function heldShadow({ hpa, shadow }: LiveHpa, { problems }: LiveFiles, { autoscalers }: LiveFiles): Pick<LiveHpa, 'shadow'> {
  const earlier = autoscalers.find((one) => one.hpa.name === hpa.name)?.shadow
  return shadow === undefined && earlier !== undefined && problems.length > 0 ? { shadow: earlier } : {}
}

function allHeld(before: LiveFiles, problems: readonly string[]): LiveFiles {
  const refused = problems.join('; ')
  return {
    ...before,
    autoscalers: before.autoscalers.map((one) => ({ ...one, refused })),
    problems: problems.map((text) => ({ source: '', text })),
  }
}

/** Returns the files whose accepted content differs. */
function changedFiles(paths: LivePaths, before: LiveFiles, now: LiveFiles): string[] {
  const contentOf = ({ autoscalers }: LiveFiles) => {
    const byFile = Map.groupBy(autoscalers, ({ file }) => file)
    return new Map([...byFile].map(([file, all]) => [file, JSON.stringify(all.map(({ hpa }) => hpa))]))
  }
  const [old, fresh] = [contentOf(before), contentOf(now)]
  const files = [...new Set([...old.keys(), ...fresh.keys()])].filter((file) => old.get(file) !== fresh.get(file))
  return JSON.stringify(before.map) === JSON.stringify(now.map) ? files : [...files, paths.metricMap]
}

function linesOf(problems: readonly FileProblem[]): string {
  return problems.map(({ text }) => text).join('; ')
}

interface FileText {
  readonly file: string
  readonly text: Result<string>
}

/** Returns the texts of a file, or of the YAML files in a folder. Fails if the path cannot be read, or the folder has no such file. */
async function filesAt(path: string): Promise<Result<readonly FileText[]>> {
  try {
    if (!(await stat(path)).isDirectory()) return success([{ file: path, text: await textOf(path) }])
    const names = (await readdir(path)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort()
    if (names.length === 0) return failure(`${path}: the folder has no file that ends with .yaml or .yml`)
    const files = names.map((name) => join(path, name))
    return success(await Promise.all(files.map(async (file) => ({ file, text: await textOf(file) }))))
  } catch (error) {
    return cannotRead(path, error)
  }
}

async function textOf(path: string): Promise<Result<string>> {
  try {
    return success(await readFile(path, 'utf8'))
  } catch (error) {
    return cannotRead(path, error)
  }
}

function cannotRead(path: string, error: unknown): Result<never> {
  return failure(`${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
}
