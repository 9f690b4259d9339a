/** Reads case files. Reports a missing file or an invalid line with one message. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { InputError, scenarioSchema, specCaseSchema, yamlCaseSchema } from './cases.ts'
import { parseExactly } from './exact-json.ts'
import type { BundledCases } from './run.ts'
import { checkTables, tablesSchema } from './tables.ts'

/** Fields that may exceed 2^53. */
const exactAmounts = new Set(['memory', 'averageValueMilli', 'valueMilli'])

/** Returns the records of a JSON Lines file without its blank lines. @throws InputError when the file or a line is invalid */
export async function readLines<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema>[]> {
  const lines = (await readText(file)).split('\n')
  return lines.flatMap((line, i) => (line.trim() === '' ? [] : [parse(line, schema, `${file}:${i + 1}`)]))
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function parse<Schema extends z.ZodType>(text: string, schema: Schema, where: string): z.output<Schema> {
  let value: unknown
  try {
    value = parseExactly(text, exactAmounts)
  } catch (error) {
    throw new InputError(`${where}: not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new InputError(`${where}: not a case: ${issue?.path.join('.') || 'record'}: ${issue?.message}`)
}

/** Returns the cases in scaler/conformance/. */
export async function readBundledCases(): Promise<BundledCases> {
  const at = (name: string): string => fileURLToPath(new URL(`../../conformance/${name}`, import.meta.url))
  const tables = parse(await readText(at('upstream-tables.json')), tablesSchema, 'upstream-tables.json')
  return {
    scenarios: [
      { file: 'public.jsonl', scenarios: await readLines(at('public.jsonl'), scenarioSchema) },
      { file: 'corners-public.jsonl', scenarios: await readLines(at('corners-public.jsonl'), scenarioSchema) },
      { file: 'upstream.jsonl', scenarios: await readLines(at('upstream.jsonl'), scenarioSchema) },
    ],
    specs: await readLines(at('specs-public.jsonl'), specCaseSchema),
    yamls: await readLines(at('yaml-public.jsonl'), yamlCaseSchema),
    tables: checkTables(tables.tables),
  }
}
