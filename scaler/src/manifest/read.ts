/** Parses the text of a file into a HorizontalPodAutoscaler, or reports every error with its line and column. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { z } from 'zod'
import type { FieldError } from '../core/field-error.ts'
import { fieldErrorText } from '../core/field-error.ts'
import type { FeatureGates, HorizontalPodAutoscaler } from '../core/types.ts'
import { toHpa, v2Of } from './to-hpa.ts'
import type { V2Document } from './v2.ts'
import { apiVersion, kind, v1Schema, v2Schema } from './v2.ts'
import { validateDocument } from './validate.ts'
import { type Path, readYaml, type YamlDocument, YamlError } from './yaml.ts'

/** A problem with a field. The error type `Decode` means that the object does not match the schema, so nothing else was checked. */
export interface Problem {
  readonly field: string
  readonly type: FieldError['type'] | 'Decode'
  readonly text: string
  /** Character offset of the error in the text of the file. */
  readonly offset: number
}

/** One HorizontalPodAutoscaler in a file. */
export interface HpaInFile {
  /** Name in the object's metadata, also if the object has errors; empty if it has no name. */
  readonly name: string
  /** The file with the object's line and column, such as scaler/hpa.yaml:2:1. */
  readonly place: string
  /** The place of the kind of the scale target. */
  readonly targetPlace: string
  /** The autoscaler, or every error with its line and column. */
  readonly hpa: Result<HorizontalPodAutoscaler>
}

/**
 * Returns all HorizontalPodAutoscalers in a file. Fails if the file is not YAML, or has no such object. Objects of other kinds are ignored,
 * list items are read, and autoscaling/v1 objects are converted to autoscaling/v2.
 * @param file file name to show in the error messages
 */
export function readHpas(text: string, file: string, gates: FeatureGates): Result<readonly HpaInFile[]> {
  const at = (offset: number) => `${file}:${placeOf(text, offset)}`
  // Kubernetes reports some errors twice.
  const refused = (problems: readonly Problem[]) => failure(...new Set(problems.map(({ offset, text: what }) => `${at(offset)}: ${what}`)))
  const documents = tryYaml(text)
  if (!Array.isArray(documents)) return refused([documents])
  const objects = documents.flatMap(objectsOf)
  const hpas = hpasAmong(objects)
  if (hpas.length === 0) return refused([noHpa(objects)])
  return success(
    hpas.map((found) => {
      const decoded = decode(converted(found))
      const problems = decoded.ok ? validate(decoded, gates) : decoded.problems
      const name = propertyOf(propertyOf(found.value, 'metadata'), 'name')
      return {
        name: typeof name === 'string' ? name : '',
        place: at(found.document.offsetOf(found.path)),
        targetPlace: at(found.document.offsetOf([...found.path, 'spec', 'scaleTargetRef', 'kind'])),
        hpa: decoded.ok && problems.length === 0 ? success(toHpa(decoded.document)) : refused(problems),
      }
    }),
  )
}

/**
 * Returns the only HorizontalPodAutoscaler in a file, or every error with its line and column.
 * @param file file name to show in the error messages
 */
export function readHpa(text: string, file: string, gates: FeatureGates): Result<HorizontalPodAutoscaler> {
  const read = readHpas(text, file, gates)
  if (!read.ok) return read
  const [first, second] = read.value
  if (second !== undefined) return failure(`${second.place}: a second ${kind}: this file may have only one`)
  return first?.hpa ?? failure(`${file}: has no ${kind}`)
}

/**
 * Returns the validation errors in a file that contains autoscaling/v2 objects. An empty list means that the API server would accept the
 * objects. Objects of kinds other than HPA are ignored. Lists and other API versions are reported as errors.
 */
export function problemsOf(text: string, gates: FeatureGates): readonly Problem[] {
  const documents = tryYaml(text)
  if (!Array.isArray(documents)) return [documents]
  const objects = documents.map((document): Found => ({ document, path: [], value: document.value }))
  const hpas = hpasAmong(objects)
  if (hpas.length === 0) return [noHpa(objects)]
  return hpas.flatMap((found) => {
    const decoded = decode(found)
    return decoded.ok ? validate(decoded, gates) : decoded.problems
  })
}

function tryYaml(text: string): YamlDocument[] | Problem {
  try {
    return readYaml(text)
  } catch (error) {
    if (error instanceof YamlError) return { field: '', type: 'Decode', text: error.message, offset: error.offset }
    throw error
  }
}

/** An object in a YAML document, with its path in that document. */
interface Found {
  readonly document: YamlDocument
  readonly path: Path
  readonly value: unknown
}

/** Returns the objects in a document, which contains either a single object or a list, as in the output of `kubectl get -o yaml`. */
function objectsOf(document: YamlDocument): Found[] {
  const { value } = document
  const listKind = String(propertyOf(value, 'kind'))
  const items = propertyOf(value, 'items') ?? []
  if (!listKind.endsWith('List') || !Array.isArray(items)) return [{ document, path: [], value }]
  // Items of a typed list may omit apiVersion and kind.
  const typed = listKind === 'List' ? {} : { apiVersion: propertyOf(value, 'apiVersion'), kind: listKind.slice(0, -'List'.length) }
  return items.map((item: unknown, i): Found => ({ document, path: ['items', i], value: isObject(item) ? { ...typed, ...item } : item }))
}

/**
 * Returns those objects that are HPAs or have no kind. If there is only one object, it is returned regardless of its kind, so that its
 * errors are reported.
 */
function hpasAmong(objects: readonly Found[]): readonly Found[] {
  const hpas = objects.filter(({ value }) => [kind, undefined, null, ''].some((one) => propertyOf(value, 'kind') === one))
  return hpas.length === 0 && objects.length === 1 ? objects : hpas
}

function noHpa(objects: readonly Found[]): Problem {
  const [first] = objects
  const kinds = [...new Set(objects.map(({ value }) => String(propertyOf(value, 'kind') ?? 'an object without a kind')))]
  if (first === undefined) return { field: '', type: 'Decode', text: `the file has no ${kind}`, offset: 0 }
  return decodeProblem(first, [], `the file has no ${kind}, only ${kinds.join(', ')}`)
}

type Decoded =
  | { readonly ok: true; readonly document: V2Document; readonly found: Found }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/**
 * Converts an autoscaling/v1 object to autoscaling/v2. Reports an error for the autoscaling/v2beta1 and v2beta2 versions, which are no
 * longer served, and returns objects of any other version unchanged.
 */
function converted(found: Found): Found | { readonly problems: readonly Problem[] } {
  const version = propertyOf(found.value, 'apiVersion')
  const beta = version === 'autoscaling/v2beta1' || version === 'autoscaling/v2beta2'
  if (beta) {
    const how =
      version === 'autoscaling/v2beta2' ? 'the fields are the same' : 'its metrics have other fields (`kubectl convert` translates)'
    return { problems: [decodeProblem(found, ['apiVersion'], `apiVersion: ${version} is no longer served; write "${apiVersion}": ${how}`)] }
  }
  if (version !== 'autoscaling/v1') return found
  const parsed = v1Schema.safeParse(found.value)
  if (!parsed.success) return { problems: parsed.error.issues.flatMap((issue) => shapeProblems(issue, found, v1Schema)) }
  const value = v2Of(parsed.data)
  if (value !== null) return { ...found, value }
  const how = `\`kubectl get hpa.v2.autoscaling -o yaml\` prints it as ${apiVersion}`
  return {
    problems: [
      decodeProblem(
        found,
        ['metadata', 'annotations'],
        `metadata.annotations: autoscaling/v1 with metrics or behavior in annotations: ${how}`,
      ),
    ],
  }
}

function decode(found: Found | { readonly problems: readonly Problem[] }): Decoded {
  if ('problems' in found) return { ok: false, problems: found.problems }
  const parsed = v2Schema.safeParse(found.value)
  if (parsed.success) return { ok: true, document: parsed.data, found }
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => shapeProblems(issue, found, v2Schema)) }
}

function validate({ document, found }: Extract<Decoded, { ok: true }>, gates: FeatureGates): Problem[] {
  return validateDocument(document, gates).map((error) => ({
    field: error.field,
    type: error.type,
    text: fieldErrorText(error),
    offset: found.document.offsetOf([...found.path, ...pathOf(error.field)]),
  }))
}

function decodeProblem({ document, path }: Found, at: Path, text: string, part: 'key' | 'value' = 'value'): Problem {
  return { field: fieldText(at), type: 'Decode', text, offset: document.offsetOf([...path, ...at], part) }
}

function shapeProblems(issue: z.core.$ZodIssue, found: Found, schema: z.ZodType): Problem[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol')
  if (issue.code !== 'unrecognized_keys') {
    const message = issue.code === 'invalid_type' && issue.expected === 'object' ? 'must be a mapping of fields' : issue.message
    return [decodeProblem(found, path, `${fieldText(path) || 'document'}: ${message}`)]
  }
  return issue.keys.map((key) => {
    const allowed = fieldsAt(schema, path)
    const hint = allowed.length > 0 ? `; allowed here: ${allowed.join(', ')}` : ''
    return decodeProblem(found, [...path, key], `${fieldText([...path, key])}: unknown field${hint}`, 'key')
  })
}

/** Returns the fields that a schema allows at a path. */
function fieldsAt(root: z.ZodType, path: Path): string[] {
  let schema: unknown = root
  for (const key of path) {
    const inner = unwrap(schema)
    schema = typeof key === 'number' ? propertyOf(inner, 'element') : propertyOf(propertyOf(inner, 'shape'), key)
  }
  const shape = propertyOf(unwrap(schema), 'shape')
  return isObject(shape) ? Object.keys(shape) : []
}

/** Returns the schema without its optional(), nullable() and preprocess() wrappers. */
function unwrap(schema: unknown): unknown {
  let inner = schema
  for (let depth = 0; depth < 4; depth += 1) {
    const next = propertyOf(propertyOf(inner, 'def'), 'innerType') ?? propertyOf(propertyOf(inner, 'def'), 'out')
    if (next === undefined) break
    inner = next
  }
  return inner
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function propertyOf(value: unknown, key: string | number): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

/** Returns the position of an offset as line:column, both starting at 1. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}

/** Splits a field path: spec.metrics[0].type → ['spec', 'metrics', 0, 'type']. */
function pathOf(field: string): Path {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part))
}

function fieldText(path: Path): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '')
}
