/** The scaler's settings, as rows of a table: from the options of its command `run`, and from what the overlay makes of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { Command } from 'commander'
import { parse } from 'yaml'
import { register } from '../../scaler/src/commands/run.ts'
import { code } from './markdown.ts'

const overlay = join(import.meta.dirname, '..', '..', 'compose.k8s-sim.yaml')

/** A row for each: name, default, value under Compose, meaning. */
export function scalerSettingRows(): string[][] {
  const file = parse(readFileSync(overlay, 'utf8'), { merge: true }) as Record<string, Record<string, { environment?: object }>>
  const environment = new Map<string, string>(Object.entries(file.services?.[services.scaler]?.environment ?? {}))
  const program = new Command()
  register(program)
  const options = program.commands.flatMap((command) => command.options)
  return options.flatMap(({ envVar, defaultValue, defaultValueDescription, description }) => {
    if (envVar === undefined) return []
    const given = environment.get(envVar) ?? ''
    const here = given.includes(`\${${envVar}`) ? 'as set' : code(given)
    return [[code(envVar), defaultValueDescription ?? (code(String(defaultValue ?? '')) || 'none'), here, description]]
  })
}
