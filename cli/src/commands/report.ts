/** `report`: everything that somebody who helps would ask for, in one folder and as one file, without secrets. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { hostPorts } from '@lab/contract/endpoints.ts'
import type { Command } from 'commander'
import { z } from 'zod'
import { envFile } from '../../../scaler/src/env-file.ts'
import { archiveOf, packFolder } from '../archive.ts'
import { configCommand, type DockerCommand, everyLogCommand, psCommand, typed } from '../compose.ts'
import { root, run, show, tryDocker } from '../docker.ts'
import { exitCodeOf, findingsOf } from '../doctor/findings.ts'
import { gatherFacts } from '../doctor/probes.ts'
import { LabError } from '../lab-error.ts'
import { maskedLines, maskedValue, maskText, secretsOf } from '../mask.ts'
import { withProgress } from '../progress.ts'
import { profilesOn, readContainers } from '../project.ts'
import { examples } from './options.ts'

const withinSeconds = 60
const linesOfLog = 2_000

type Environment = Record<string, string | undefined>

/** Masks what it is given and puts it into a file. */
type Write = (file: string, text: string) => Promise<void>

export function register(program: Command): void {
  program
    .command('report')
    .description('versions, containers, logs, configuration and what doctor says, without secrets: a folder to look at, a file to attach')
    .option('--output <folder>', 'a new folder, with the file FOLDER.tar.gz beside it; without it, in reports/')
    .addHelpText('after', examples('lab report', 'lab report --output my-report'))
    .action(report)
}

async function report({ output }: { output?: string }): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/\D/g, '-')
  const folder = output ? resolve(output) : join(root, 'reports', `lab-report-${stamp}`)
  for (const path of [folder, archiveOf(folder)]) if (existsSync(path)) throw new LabError(`${path} is there already`)
  await mkdir(folder, { recursive: true })
  const written = envFile()
  const config = await tryDocker(configCommand(), withinSeconds)
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
    { title: 'What doctor says', task: async () => write('doctor.json', await diagnosis()) },
  ])
  // From the files as they were written: what was masked stays so.
  const archive = await packFolder(folder)
  process.stdout.write(`${shown(folder)}\n${shown(archive)}\n`)
}

/** As it would be typed from here. */
const shown = (path: string) => relative(process.cwd(), path) || path

const psTable: DockerCommand = { args: ['compose', 'ps', '--all'] }
const statsTable: DockerCommand = { args: ['compose', 'stats', '--no-stream'] }

/** What commands printed, each after its line, problems included. */
async function said(...commands: DockerCommand[]): Promise<string> {
  const parts = commands.map(async (command) => {
    show(command)
    const { stdout, stderr, exitCode } = await tryDocker(command, withinSeconds)
    return `$ ${typed(command, process.platform)}\n${stdout}\n${stderr}${exitCode === 0 ? '' : `\n(exit code ${exitCode})`}\n`
  })
  return (await Promise.all(parts)).join('\n')
}

async function versions(): Promise<string> {
  const revision = await run('git', ['describe', '--always', '--dirty'], withinSeconds)
  const own = `lab ${revision.stdout || 'of unknown revision'}\nNode ${process.version}\n${process.platform} ${process.arch}\n\n`
  return `${own}${await said({ args: ['version'] }, { args: ['compose', 'version'] }, { args: ['info'] })}`
}

async function writeConfiguration(write: Write, config: string, written: Environment, secrets: readonly string[]): Promise<void> {
  await write('compose.json', asMaskedJson(config))
  const names = new Set<string>(Object.keys(hostPorts))
  const known = ([name]: [string, unknown]) => names.has(name) || /^(COMPOSE|DOCKER|LAB|SCALER)_/.test(name)
  // The file was read into the environment.
  const ours = Object.entries(process.env).filter(([name, value]) => known([name, value]) && value !== written[name])
  const parts = ['# .env', maskedLines(written, secrets), '# set in the environment', maskedLines(Object.fromEntries(ours), secrets)]
  await write('environment.txt', parts.join('\n'))
}

async function writeLogs(write: Write): Promise<void> {
  const ps = await tryDocker(psCommand(), withinSeconds)
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

/** The variables of each service of `docker compose config`. */
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
