/** Runs all bundled cases, and counts the passed ones per level, table, specification and kind of metric. */
import type { Scenario, SpecCase, YamlCase } from './cases.ts'
import type { Difference } from './compare.ts'
import { differences, levels, upstreamDifferences } from './compare.ts'
import { stringifyExactly } from './exact-json.ts'
import { checkSpec, checkYaml, replayScenario } from './replay.ts'
import type { TableReport } from './tables.ts'

/** A line of the report. */
export interface Count {
  readonly what: string
  readonly passed: number
  readonly total: number
}

export interface Report {
  readonly counts: readonly Count[]
  /** One line per failure. */
  readonly failures: readonly string[]
}

export interface BundledCases {
  readonly scenarios: readonly { readonly file: string; readonly scenarios: readonly Scenario[] }[]
  readonly specs: readonly SpecCase[]
  readonly yamls: readonly YamlCase[]
  readonly tables: readonly TableReport[]
}

/** Runs all cases. All of them pass if each count has passed = total. */
export function runAll({ scenarios, specs, yamls, tables }: BundledCases): Report {
  const results = scenarios.map(({ file, scenarios: list }) => ({ file, results: list.map(runScenario) }))
  const all = results.flatMap(({ results: list }) => list)
  const specFailures = specs.flatMap(specFailure)
  const yamlFailures = yamls.flatMap(yamlFailure)
  return {
    counts: [
      ...results.flatMap(({ file, results: list }) => levelCounts(file, list)),
      ...upstreamCount(all),
      ...kindCounts(all),
      ...tables.map(({ table, total, failed }) => ({ what: `table ${table}`, passed: total - failed.length, total })),
      { what: 'specifications', passed: specs.length - specFailures.length, total: specs.length },
      { what: 'files', passed: yamls.length - yamlFailures.length, total: yamls.length },
    ],
    failures: [
      ...all.flatMap(({ scenario, found, upstream }) => [
        ...found.map(({ level, t, want, got }) => failure(`${scenario.id} ${level} at ${t}`, want, got)),
        ...upstream.map((text) => `${scenario.id} upstream: ${text}`),
      ]),
      ...tables.flatMap(({ table, failed }) => failed.map(({ row, want, got }) => failure(`${table} "${row}"`, want, got))),
      ...specFailures,
      ...yamlFailures,
    ],
  }
}

interface ScenarioResult {
  readonly scenario: Scenario
  readonly found: readonly Difference[]
  readonly upstream: readonly string[]
}

function runScenario(scenario: Scenario): ScenarioResult {
  const answer = replayScenario(scenario)
  return { scenario, found: differences(scenario, answer), upstream: upstreamDifferences(scenario, answer) }
}

function levelCounts(file: string, results: readonly ScenarioResult[]): Count[] {
  return levels.map((level) => {
    const passed = results.filter(({ found }) => found.every((difference) => difference.level !== level)).length
    return { what: `${file} ${level}`, passed, total: results.length }
  })
}

function upstreamCount(results: readonly ScenarioResult[]): Count[] {
  const asserted = results.filter(({ scenario }) => scenario.upstream != null)
  const passed = asserted.filter(({ upstream }) => upstream.length === 0).length
  return [{ what: "assertions of Kubernetes' unit tests", passed, total: asserted.length }]
}

/** Counts each case for every kind of metric in its specifications. */
function kindCounts(results: readonly ScenarioResult[]): Count[] {
  const counts = new Map<string, { passed: number; total: number }>()
  for (const { scenario, found } of results) {
    for (const kind of kindsIn(scenario)) {
      const { passed, total } = counts.get(kind) ?? { passed: 0, total: 0 }
      counts.set(kind, { passed: passed + (found.length === 0 ? 1 : 0), total: total + 1 })
    }
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => ({ what: `metric ${kind}`, ...count }))
}

function kindsIn(scenario: Scenario): Set<string> {
  const hpas = [scenario.hpa, ...scenario.steps.flatMap(({ hpa }) => hpa ?? [])]
  const kinds = hpas.flatMap(({ metrics }) => {
    if (!metrics?.length) return ['Resource Utilization']
    return metrics.map(({ type, target }) => `${type ?? '?'} ${target?.type ?? '?'}`)
  })
  return new Set(kinds)
}

function specFailure(spec: SpecCase): string[] {
  const { valid, errors } = checkSpec(spec)
  const fields = (list: readonly { field: string }[]): string => list.map(({ field }) => field).join(', ')
  const want = `${spec.valid ?? valid} ${fields(spec.errors ?? [])}`
  const got = `${valid} ${fields(errors)}`
  return want === got ? [] : [failure(`specification ${spec.id}`, want, got)]
}

/** Compares the validation result of a file. A file that cannot be decoded has no errors to compare. */
function yamlFailure(file: YamlCase): string[] {
  const { valid, errors } = checkYaml(file)
  const texts = (list: YamlCase['errors']): string => (list ?? []).map(({ field, type, text }) => `${field} ${type} ${text}`).join('\n')
  const want = `${file.valid ?? valid} ${texts(file.errors)}`
  const got = `${valid} ${file.stage === 'decode' ? '' : texts([...errors])}`
  return want === got ? [] : [failure(`file ${file.id}`, want, got)]
}

function failure(what: string, want: unknown, got: unknown): string {
  return `${what}: want ${stringifyExactly(want)}, got ${stringifyExactly(got)}`
}

/** Returns the report as text, with passed/total and the percentage in each line. */
export function reportText({ counts, failures }: Report): string {
  const width = Math.max(...counts.map(({ what }) => what.length))
  const lines = counts.map(({ what, passed, total }) => {
    const percent = total === 0 ? '-' : `${((100 * passed) / total).toFixed(passed === total ? 0 : 1)} %`
    return `${what.padEnd(width)}  ${`${passed}/${total}`.padStart(9)}  ${percent.padStart(6)}`
  })
  return [...lines, ...failures.map((text) => `FAILED ${text}`), ''].join('\n')
}
