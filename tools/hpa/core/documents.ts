/** Splits YAML files into objects, and finds the line of a field. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { readYaml, type YamlDocument, YamlError } from '@lab/scaler/manifest/yaml.ts'

/** An object in a file, such as a Deployment. */
export interface FileObject {
  readonly file: string
  readonly kind: string
  readonly name: string
  readonly value: unknown
  /** The file's text in which all other objects are blank, so that the lines of this object keep their numbers. */
  readonly text: string
  /** Returns the line of a field such as spec.metrics[0].type, or of its nearest existing parent. */
  lineOf(field: string): number
}

/** Returns the objects in a YAML file. @param file file name to show in the error messages */
export function objectsIn(text: string, file: string): Result<FileObject[]> {
  try {
    return success(partsOf(text).flatMap((part) => readYaml(part).map((document) => fileObject(document, part, file))))
  } catch (error) {
    if (error instanceof YamlError) return failure(`${file}:${lineAt(text, error.offset)}: ${error.message}`)
    throw error
  }
}

function fileObject(document: YamlDocument, text: string, file: string): FileObject {
  const { value } = document
  return {
    file,
    kind: textAt(value, 'kind'),
    name: textAt(value, 'metadata', 'name'),
    value,
    text,
    lineOf: (field) => lineAt(text, document.offsetOf(pathOf(field), 'key')),
  }
}

/** Returns one text for each document; in each text, the lines of the other documents are empty. */
function partsOf(text: string): string[] {
  const lines = text.split('\n')
  const starts = [0, ...lines.flatMap((line, i) => (/^---\s*(#.*)?$/.test(line) ? [i] : [])), lines.length]
  return starts.slice(0, -1).map((start, i) => {
    const end = starts[i + 1] ?? lines.length
    return lines.map((line, at) => (at >= start && at < end && !/^---/.test(line) ? line : ' '.repeat(line.length))).join('\n')
  })
}

/** Returns the number of the line that contains an offset, counting from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Splits a field path: spec.metrics[0].type → ['spec', 'metrics', 0, 'type']. */
export function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part))
}

/** Returns the value at a path, or undefined if it does not exist. */
export function valueAt(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), value)
}

/** Returns the text at a path, or an empty string if there is no text. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = valueAt(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** Returns the list at a path, or an empty list. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = valueAt(value, ...path)
  return Array.isArray(found) ? found : []
}

/** Returns the whole number at a path, or null. */
export function countAt(value: unknown, ...path: readonly (string | number)[]): number | null {
  const found = valueAt(value, ...path)
  return typeof found === 'number' && Number.isInteger(found) ? found : null
}
