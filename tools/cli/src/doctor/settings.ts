/** Validates the settings that Compose passes to the services, using the parsers that the services themselves use at startup. */
import { services } from '@lab/contract/endpoints.ts'
import { root } from '@lab/host/root.ts'
import type { Model } from '@lab/lab/compose/project.ts'
import { registerAll } from '@lab/scaler/commands/all.ts'
import { pathsIn, readLiveFiles } from '@lab/scaler/live-files.ts'
import { readConfig } from '@lab/ws/config.ts'
import { Command, InvalidArgumentError } from 'commander'
import type { Facts } from './facts.ts'

/**
 * Settings that Traefik's configuration files compare with `true`. For these settings, any value other than `true` would silently be
 * treated as `false`.
 */
const switches = ['LAB_HARDENED', 'LAB_CERTIFICATE']
/** Folders that compose.k8s-sim.yaml mounts into the scaler's container. */
const scalerFolders = /^(\.\/)?(scaler|workshop\/my)\//

/** Returns one finding for each setting that a service would reject. */
export async function settingProblems(model: Model): Promise<Facts['settingProblems']> {
  const ws = readConfig(environmentOf(model, services.ws))
  const traefik = environmentOf(model, services.traefik)
  const ignored = process.env.RESUME_SECRET
    ? [
        {
          service: services.ws,
          text: 'RESUME_SECRET=(hidden): Compose does not pass this variable; replicas read the file resume in the folder LAB_SECRETS',
        },
      ]
    : []
  return [
    ...ignored,
    ...(ws.ok ? [] : ws.problems).map((text) => ({ service: services.ws, text })),
    ...switches
      .filter((name) => !['true', 'false', ''].includes(traefik[name] ?? ''))
      .map((name) => ({ service: services.traefik, text: `${name}=${JSON.stringify(traefik[name])}: allowed is true or false` })),
    ...[...optionProblems(environmentOf(model, services.scaler)), ...(await fileProblems())].map((text) => ({
      service: services.scaler,
      text,
    })),
  ]
}

function environmentOf({ services: all }: Model, service: string): Record<string, string> {
  // Compose escapes dollar signs as `$$` when it prints its configuration.
  const entries = Object.entries(all[service]?.environment ?? {})
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value ?? '').replaceAll('$$', '$')]))
}

/** Validates the variables of `scaler run`, each with the parser of the corresponding option. */
function optionProblems(environment: Readonly<Record<string, string>>): string[] {
  const scaler = new Command()
  registerAll(scaler)
  const options = scaler.commands.find((command) => command.name() === 'run')?.options ?? []
  return options.flatMap(({ envVar = '', parseArg }) => {
    const value = environment[envVar]
    if (!value || parseArg === undefined) return []
    try {
      parseArg(value, undefined)
      return []
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      return [`${envVar}=${JSON.stringify(value)}: ${error.message}`]
    }
  })
}

/** Validates the files named in the scaler's settings, using their paths on this machine. */
async function fileProblems(): Promise<string[]> {
  const hpa = process.env.SCALER_HPA || 'scaler/hpa.yaml'
  const paths = pathsIn(hpa)
  if (!paths.every((path) => scalerFolders.test(path)))
    return [`SCALER_HPA=${JSON.stringify(hpa)}: allowed are files and folders in scaler/ or workshop/my/`]
  const read = await readLiveFiles({ hpa: paths.map((path) => `${root}${path}`), metricMap: `${root}scaler/metrics.yaml` })
  const problems = read.ok ? [...read.value.problems.map(({ text }) => text), ...read.value.hints] : read.problems
  return problems.map((problem) => problem.replaceAll(root, ''))
}
