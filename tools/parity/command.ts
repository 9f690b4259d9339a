/** Implements `./lab parity`, which plays a recording to a real kube-controller-manager and compares its decisions with the lab's. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { examples, wholeNumber } from '@lab/host/arguments.ts'
import { root } from '@lab/host/root.ts'
import { exitCodes, stopOnSignals } from '@lab/host/signals.ts'
import { type Command, Option } from 'commander'

interface Options {
  binaries?: string
  timeScale: number
  moments: number
  case?: string
  html: string
}

const maxMoments = 10_000

/** Adds the `parity` command to a program. */
export function register(program: Command): void {
  program
    .command('parity')
    .description(
      'play a recording to a real kube-controller-manager, through the three metrics APIs, and compare its replica counts, status and events ' +
        "with the decisions of the lab's scaler; starts etcd, kube-apiserver and kube-controller-manager, without nodes, and stops them",
    )
    .argument('<recording>', 'file that ./lab scaler export wrote, or JSON lines with conformance cases')
    .addOption(new Option('--binaries <folder>', 'folder with etcd, kube-apiserver and kube-controller-manager').env('KUBEBUILDER_ASSETS'))
    .addOption(
      new Option('--time-scale <n>', 'divide the sync period and every period and window by this number')
        .argParser(wholeNumber(1, 100))
        .default(1),
    )
    .addOption(
      new Option('--moments <n>', 'play only this number of syncs, from the first one')
        .argParser(wholeNumber(1, maxMoments))
        .default(maxMoments, 'all'),
    )
    .option('--case <id>', 'case to play, if the file has several')
    .addOption(
      new Option('--html <file>', 'file for the page with both curves').default(`${root}reports/parity.html`, 'reports/parity.html'),
    )
    .addHelpText('after', '\nExit codes: 0 the decisions are the same, 1 they differ, 2 the run did not start, 130 interrupted.')
    .addHelpText(
      'after',
      examples('./lab scaler export > recording.json', './lab parity recording.json --binaries ~/kubernetes --time-scale 5'),
    )
    .action(parity)
}

async function parity(file: string, options: Options, command: Command): Promise<void> {
  const refuse = (text: string): never => command.error(`error: ${text}`, { exitCode: exitCodes.notTried })
  const { missingPrograms } = await import('./control-plane.ts')
  const { binaries } = options
  if (binaries === undefined) {
    return refuse('no folder with etcd, kube-apiserver and kube-controller-manager: use --binaries FOLDER, or set KUBEBUILDER_ASSETS')
  }
  const missing = await missingPrograms(binaries)
  if (missing.length > 0)
    return refuse(`${binaries} has no ${missing.join(' and no ')}: download it from https://dl.k8s.io or the etcd releases`)
  const { recordingOf } = await import('./core/recording.ts')
  const recording = recordingOf(await caseIn(file, options.case, refuse), options.timeScale, options.moments)
  if (!recording.ok) return refuse(recording.problems.join('; '))

  const { runParity } = await import('./run.ts')
  const { problemsOf, summaryOf } = await import('./core/result.ts')
  const { parityHtml } = await import('./html.ts')
  const stop = stopOnSignals((signal) => console.error(`${signal}: stopping the control plane`))
  try {
    const result = await runParity(recording.value, { binaries, stop, say: (line) => console.error(line) })
    await mkdir(dirname(options.html), { recursive: true })
    await writeFile(options.html, parityHtml(result))
    console.log(summaryOf(result))
    console.error(`page: ${options.html}`)
    process.exitCode = problemsOf(result).length === 0 ? exitCodes.ok : exitCodes.failed
  } catch (error) {
    if (!stop.aborted) throw error
    process.exitCode = exitCodes.interrupted
  }
}

/** Returns the selected case of a file, or the only one. */
async function caseIn(file: string, id: string | undefined, refuse: (text: string) => never) {
  const { InputError, scenarioSchema } = await import('@lab/scaler/conformance/cases.ts')
  const { readLines } = await import('@lab/scaler/conformance/files.ts')
  try {
    const cases = await readLines(file, scenarioSchema)
    const chosen = id === undefined ? cases : cases.filter((one) => one.id === id)
    const [only] = chosen
    if (only !== undefined && chosen.length === 1) return only
    if (id !== undefined) return refuse(`${file}: has no case ${id}`)
    return refuse(`${file}: has ${cases.length} cases${cases.length > 1 ? '; choose one with --case ID' : ''}`)
  } catch (error) {
    if (error instanceof InputError) return refuse(error.message)
    throw error
  }
}
