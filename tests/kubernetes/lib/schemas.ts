/** Writes the API server's own OpenAPI definitions as JSON schemas for kubeconform, which otherwise downloads them. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Definition {
  properties?: Record<string, unknown>
  additionalProperties?: unknown
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

/** Definitions whose values may also be numbers, which OpenAPI 2 cannot express. */
const stringOrNumber = ['io.k8s.apimachinery.pkg.api.resource.Quantity', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString']

/** Kubeconform's template for the file name of a kind's schema. */
export const schemaFile = '{{ .ResourceKind }}{{ .KindSuffix }}.json'

/** Writes one schema per kind to the folder; a schema allows no field that the API server does not know. */
export async function writeSchemas(openApi: { definitions: Record<string, Definition> }, folder: string): Promise<void> {
  const strict = Object.entries(openApi.definitions).map(([name, definition]) => {
    if (stringOrNumber.includes(name)) return [name, { type: ['string', 'number'] }]
    const closed = definition.properties !== undefined && definition.additionalProperties === undefined
    return [name, closed ? { ...definition, additionalProperties: false } : definition]
  })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'definitions.json'), JSON.stringify({ definitions: Object.fromEntries(strict) }))
  for (const [name, definition] of Object.entries(openApi.definitions)) {
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
      const suffix = [group.split('.')[0], version].filter(Boolean).join('-')
      const file = join(folder, `${kind.toLowerCase()}-${suffix}.json`)
      await writeFile(file, JSON.stringify({ $ref: `definitions.json#/definitions/${name}` }))
    }
  }
}
