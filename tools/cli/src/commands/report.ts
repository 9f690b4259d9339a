/**
 * Implements the `report` command, which collects diagnostic information for a help request in a folder and an archive, without secrets.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { hostPorts } from '@lab/contract/endpoints.ts'
import { examples } from '@lab/host/arguments.ts'
import { configCommand, type DockerCommand, everyLogCommand, psCommand, typed } from '@lab/host/compose.ts'
import { run, show, tryDocker } from '@lab/host/docker.ts'
import { envFile } from '@lab/host/env-file.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { profilesOn, readContainers } from '@lab/lab/compose/project.ts'
import type { Command } from 'commander'
import { z } from 'zod'
import { archiveOf, packFolder } from '../archive.ts'
import { exitCodeOf, findingsOf } from '../doctor/findings.ts'
import { gatherFacts } from '../doctor/probes.ts'
import { maskedLines, maskedValue, maskText, secretsOf } from '../mask.ts'
import { withProgress } from '../progress.ts'

const withinSeconds = 60
const linesOfLog = 2_000

type Environment = Record<string, string | undefined>

/** Masks the secrets in a string and writes the result to a file. */
type Write = (file: string, text: string) => Promise<void>

export function register(program: Command): void {
  program
    .command('report')
    .description(
      'collect versions, containers, logs, configuration and the findings of doctor, without secrets, in a folder and in an archive',
    )
    .option('--output <folder>', 'new folder for the report, with the archive FOLDER.tar.gz next to it (default: a folder in reports/)')
    .addHelpText('after', examples('./lab report', './lab report --output my-report'))
    .action(report)
}

async function report({ output }: { output?: string }): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/\D/g, '-')
  const folder = output ? resolve(output) : join(root, 'reports', `lab-report-${stamp}`)
  for (const path of [folder, archiveOf(folder)]) if (existsSync(path)) throw new LabError(`${path} already exists`)
  await mkdir(folder, { recursive: true })
  const written = envFile()
  const config = await tryDocker(configCommand(), { withinSeconds })
  const secrets = secretsOf(process.env, written, ...environmentsOf(config.stdout))
  const write: Write = (file, text) => writeFile(join(folder, file), maskText(text, secrets))
  await withProgress([
    { title: 'Versions', task: async () => write('versions.txt', await versions()) },
    {
      title: 'Configuration',
      task: () => writeConfiguration(write, config.exitCode === 0 ? config.stdout : config.stderr, written, secrets),
    },
    { title: 'Containers and memory', task: async () => write('containers.txt', await said(psTable, statsTable)) },
    { title: 'Logs', task: () => writeLogs(write) },
    { title: 'Findings of doctor', task: async () => write('doctor.json', await diagnosis()) },
  ])
  // The archive contains no secrets, because it is created from the written report files, in which all secrets are already masked.
  const archive = await packFolder(folder)
  process.stdout.write(`${shown(folder)}\n${shown(archive)}\n`)
}

/** Returns a path relative to the working directory. */
const shown = (path: string) => relative(process.cwd(), path) || path

const psTable: DockerCommand = { args: ['compose', 'ps', '--all'] }
const statsTable: DockerCommand = { args: ['compose', 'stats', '--no-stream'] }

/** Returns the output of the given commands, including errors; each output follows its command line. */
async function said(...commands: DockerCommand[]): Promise<string> {
  const parts = commands.map(async (command) => {
    show(command)
    const { stdout, stderr, exitCode } = await tryDocker(command, { withinSeconds })
    return `$ ${typed(command, process.platform)}\n${stdout}\n${stderr}${exitCode === 0 ? '' : `\n(exit code ${exitCode})`}\n`
  })
  return (await Promise.all(parts)).join('\n')
}

async function versions(): Promise<string> {
  const revision = await run('git', ['describe', '--always', '--dirty'], { withinSeconds })
  const own = `lab ${revision.stdout || 'of unknown revision'}\nNode ${process.version}\n${process.platform} ${process.arch}\n\n`
  return `${own}${await said({ args: ['version'] }, { args: ['compose', 'version'] }, { args: ['info'] })}`
}

async function writeConfiguration(write: Write, config: string, written: Environment, secrets: readonly string[]): Promise<void> {
  await write('compose.json', asMaskedJson(config))
  const names = new Set<string>(Object.keys(hostPorts))
  const known = ([name]: [string, unknown]) => names.has(name) || /^(COMPOSE|DOCKER|LAB|SCALER)_/.test(name)
  // Variables that were loaded from .env are not listed again as environment variables, because the report lists .env separately.
  const ours = Object.entries(process.env).filter(([name, value]) => known([name, value]) && value !== written[name])
  const parts = ['# .env', maskedLines(written, secrets), '# set in the environment', maskedLines(Object.fromEntries(ours), secrets)]
  await write('environment.txt', parts.join('\n'))
}

async function writeLogs(write: Write): Promise<void> {
  const ps = await tryDocker(psCommand(), { withinSeconds })
  const services = ps.exitCode === 0 ? new Set(readContainers(ps.stdout).map(({ service }) => service)) : []
  for (const service of services) await write(`log-${service}.txt`, await said(everyLogCommand(service, linesOfLog)))
}

async function diagnosis(): Promise<string> {
  const findings = findingsOf(await gatherFacts({ profiles: profilesOn() }))
  return `${JSON.stringify({ exitCode: exitCodeOf(findings), findings }, null, 2)}\n`
}

const withEnvironments = z.object({
  services: z.record(z.string(), z.object({ environment: z.record(z.string(), z.string().nullable()).nullish() })),
})

/** Returns each service's environment variables from the output of `docker compose config`. */
function environmentsOf(config: string): Record<string, string | null>[] {
  const read = withEnvironments.safeParse(json(config))
  return Object.values(read.data?.services ?? {}).flatMap(({ environment }) => (environment ? [environment] : []))
}

function asMaskedJson(text: string): string {
  const value = json(text)
  return value === undefined ? text : `${JSON.stringify(maskedValue(value), null, 2)}\n`
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
