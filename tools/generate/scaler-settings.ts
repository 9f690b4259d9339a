/** Generates table rows for the scaler's settings, from the options of `scaler run` and from the Compose overlay. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { code } from '@lab/host/markdown.ts'
import { register } from '@lab/scaler/commands/run.ts'
import { Command } from 'commander'
import { parse } from 'yaml'

const overlay = join(import.meta.dirname, '..', '..', 'compose.k8s-sim.yaml')

/** Returns a table row for each scaler setting: name, default, value with Compose, and meaning. */
export function scalerSettingRows(): string[][] {
  const file = parse(readFileSync(overlay, 'utf8'), { merge: true }) as Record<string, Record<string, { environment?: object }>>
  const environment = new Map<string, string>(Object.entries(file.services?.[services.scaler]?.environment ?? {}))
  const program = new Command()
  register(program)
  const options = program.commands.flatMap((command) => command.options)
  return options.flatMap(({ envVar, defaultValue, defaultValueDescription, description }) => {
    if (envVar === undefined) return []
    const given = environment.get(envVar) ?? ''
    const here = given.includes(`\${${envVar}`) ? 'from the environment' : code(given)
    return [[code(envVar), defaultValueDescription ?? (code(String(defaultValue ?? '')) || 'none'), here, description]]
  })
}
