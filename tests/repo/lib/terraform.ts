/** Reads Terraform files without providers: the objects that the files declare, and the references between the objects. */
import { createRequire } from 'node:module'

// These packages are not imported, because their type declarations would add the types of browsers to all modules.
const load = createRequire(import.meta.url)
const { parse, getReferencesInExpression } = load('@cdktn/hcl2json') as {
  parse: (file: string, text: string) => Promise<Block>
  getReferencesInExpression: (file: string, expression: string) => Promise<{ value: string }[]>
}

/** Formats a Terraform file as `terraform fmt` would. */
export const { format } = load('@cdktn/hcl-tools') as { format: (text: string) => Promise<string> }

/** A part of a Terraform file, as JSON: expressions are strings such as `${var.name}`, and each block is an element of a list. */
// biome-ignore lint/suspicious/noExplicitAny: each test reads the fields of one kind of block
export type Block = Record<string, any>

/** A folder of Terraform files. */
export interface TerraformModule {
  /** All blocks, by the address by which other blocks refer to them, such as `var.name`, `local.zones` or `aws_vpc.lab`. */
  blocks: ReadonlyMap<string, Block>
  /** The addresses to which each file refers. */
  references: readonly { file: string; address: string }[]
}

/** Names that Terraform itself provides. */
const builtIn = new Set(['each', 'path', 'self', 'count', 'terraform'])

/**
 * Parses the files of a module. @param files the content of each file, by its name
 * @throws Error if a file has a syntax error
 */
export async function readModule(files: Readonly<Record<string, string>>): Promise<TerraformModule> {
  const blocks = new Map<string, Block>()
  const references: { file: string; address: string }[] = []
  for (const [file, text] of Object.entries(files)) {
    const content = await parse(file, text)
    for (const [address, block] of declared(content)) blocks.set(address, block)
    for (const expression of expressionsIn(content)) {
      for (const { value } of await getReferencesInExpression(file, expression)) {
        const address = addressOf(value)
        if (address !== undefined) references.push({ file, address })
      }
    }
  }
  return { blocks, references }
}

/** Returns the problems of a module that Terraform would detect, and variables, local values and data sources that nothing uses. */
export function problemsOf({ blocks, references }: TerraformModule): string[] {
  const used = new Set(references.map(({ address }) => address))
  const unused = [...blocks.keys()].filter((address) => /^(var|local|data)\./.test(address) && !used.has(address))
  const unknown = references
    .filter(({ address }) => !blocks.has(address))
    .map(({ file, address }) => `${file}: nothing declares ${address}`)
  return [...new Set(unknown), ...unused.map((address) => `nothing uses ${address}`)]
}

function declared(content: Block): [string, Block][] {
  const { variable = {}, locals = [], resource = {}, output = {} } = content
  const byType = (kind: Block, prefix: string) =>
    Object.entries(kind).flatMap(([type, named]) =>
      Object.entries(named as Block).map(([name, [block]]): [string, Block] => [`${prefix}${type}.${name}`, block]),
    )
  return [
    ...Object.entries(variable).map(([name, block]): [string, Block] => [`var.${name}`, (block as Block[])[0] ?? {}]),
    ...(locals as Block[]).flatMap((values) =>
      Object.entries(values).map(([name, value]): [string, Block] => [`local.${name}`, { value }]),
    ),
    ...Object.entries(output).map(([name, block]): [string, Block] => [`output.${name}`, (block as Block[])[0] ?? {}]),
    ...byType(resource, ''),
    ...byType(content.data ?? {}, 'data.'),
    ...byType(content.ephemeral ?? {}, 'ephemeral.'),
  ]
}

/** Returns all expressions in a part of a file, except types, and attributes whose changes are ignored. */
function expressionsIn(part: unknown): string[] {
  if (typeof part === 'string') return /[$%]\{/.test(part) ? [part] : []
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) => {
    const isType = key === 'type' && typeof value === 'string' && /^\$\{(string|number|bool|list|set|map|object)\b/.test(value)
    return isType || key === 'ignore_changes' ? [] : expressionsIn(value)
  })
}

function addressOf(reference: string): string | undefined {
  const parts = reference.replaceAll(/\[.*?\]/g, '').split('.')
  if (builtIn.has(parts[0] ?? '')) return undefined
  return parts.slice(0, ['data', 'ephemeral'].includes(parts[0] ?? '') ? 3 : 2).join('.')
}
