/** Implements `./lab hpa lint`. */
import { relative, resolve } from 'node:path'
import type { Result } from '@lab/contract/result.ts'
import { examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { overlayFiles } from '@lab/host/compose.ts'
import { root } from '@lab/host/root.ts'
import { exitCodes } from '@lab/host/signals.ts'
import { findLab } from '@lab/lab/find.ts'
import { type LabKind, labKinds } from '@lab/lab/lab.ts'
import { settings } from '@lab/ws/config.ts'
import { type Command, Option } from 'commander'
import { composeWorkloads, manifestWorkloads, textOf } from './context.ts'
import type { Finding } from './core/lint.ts'
import { autoscalersIn, type Context, isWrong, lintFile, lintText } from './core/lint-file.ts'
import type { Workload } from './core/workload.ts'

interface Flags {
  compose?: string[]
  manifests?: string[]
  maxConnections?: number
  running?: number
  on?: LabKind
  output?: 'json'
}

const collected = (value: string, before: readonly string[] = []) => [...before, value]

/** Adds the `lint` command. */
export function registerLint(hpa: Command): void {
  hpa
    .command('lint')
    .description('list what is valid but wrong in HPA files, each with its reason and what to write instead')
    .argument('<file...>', 'YAML files with HorizontalPodAutoscalers, or ScaledObjects of KEDA')
    .option(
      '--compose <file>',
      "Compose file with the target; may be given several times (default for the lab's own file: the lab's)",
      collected,
    )
    .option('--manifests <path>', 'manifest, or folder of manifests, with the target; may be given several times', collected)
    .addOption(new Option('--max-connections <n>', 'connections that one replica accepts').argParser(wholeNumber(1, 1_000_000)))
    .addOption(new Option('--running <n>', 'number of replicas that are running').argParser(wholeNumber(0, 100_000)).conflicts('on'))
    .addOption(new Option('--on <kind>', 'count the running replicas of a lab of this kind').choices(labKinds))
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .addHelpText('after', '\nExit codes: 0 nothing but notes, 1 an error or a warning was found, 2 a file is invalid or cannot be read.')
    .addHelpText(
      'after',
      examples(
        './lab hpa lint scaler/hpa.yaml',
        './lab hpa lint my-hpa.yaml --compose compose.yaml',
        './lab hpa lint my-hpa.yaml --manifests k8s/base -o json',
      ),
    )
    .action(async (files: string[], flags: Flags, command: Command) => {
      const running = flags.on === undefined ? (flags.running ?? null) : await runningReplicas(flags.on)
      const findings = files.flatMap((file) =>
        accepted(findingsIn(file, { ...flags, running, others: files.filter((other) => other !== file) }), command),
      )
      if (flags.output === 'json') printJson({ files, findings })
      else process.stdout.write(lintText(findings, files))
      process.exitCode = isWrong(findings) ? exitCodes.failed : exitCodes.ok
    })
}

/** Returns the value of a successful result; otherwise ends the command with exit code 2 and one line for each problem. */
export function accepted<T>(result: Result<T>, command: Command): T {
  return result.ok ? result.value : command.error(`error: ${result.problems.join('\n')}`, { exitCode: exitCodes.notTried })
}

async function runningReplicas(on: LabKind): Promise<number> {
  const lab = await findLab({ on })
  try {
    return (await lab.replicas()).length
  } finally {
    await lab.close()
  }
}

function findingsIn(
  file: string,
  flags: Omit<Flags, 'running'> & { running: number | null; others: readonly string[] },
): Result<Finding[]> {
  const text = textOf(file)
  if (!text.ok) return text
  const own = resolve(file) === resolve(root, 'scaler/hpa.yaml') && flags.compose === undefined && flags.manifests === undefined
  const workloads = workloadsOf(
    own ? { ...flags, compose: overlayFiles.map((name) => relative(process.cwd(), resolve(root, name))) } : flags,
  )
  if (!workloads.ok) return workloads
  const context: Context = {
    workloads: workloads.value,
    running: flags.running,
    maxConnections: flags.maxConnections ?? (own ? settings.MAX_CONNECTIONS.default : null),
    others: flags.others.flatMap((other) => {
      const read = textOf(other)
      return read.ok ? autoscalersIn(read.value, other) : []
    }),
  }
  return lintFile(text.value, file, context)
}

function workloadsOf({ compose = [], manifests = [] }: Pick<Flags, 'compose' | 'manifests'>): Result<readonly Workload[] | undefined> {
  const services = compose.length === 0 ? undefined : composeWorkloads(compose, process.env)
  if (services?.ok === false) return services
  const objects = manifests.length === 0 ? undefined : manifestWorkloads(manifests)
  if (objects?.ok === false) return objects
  if (services === undefined && objects === undefined) return { ok: true, value: undefined }
  return { ok: true, value: [...(services?.value ?? []), ...(objects?.value ?? [])] }
}
