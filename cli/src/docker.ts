/** Runs docker, from the root of the checkout. What a person asked for is shown first, and may take as long as it does; the rest has a bound. */
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { execa } from 'execa'
import { type DockerCommand, typed } from './compose.ts'
import { LabError } from './lab-error.ts'

/** The root of the checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** What a command said and how it ended. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
  /** There is no such command on this machine. */
  missing: boolean
  timedOut: boolean
}

/** Prints the line that is about to run, to be learned. */
export function show(command: DockerCommand): void {
  say(styleText('dim', `$ ${typed(command, process.platform)}`, { stream: process.stderr }))
}

/** One line for a person. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Runs any command and keeps what it says; a failure is a value. */
export async function run(
  file: string,
  args: readonly string[],
  withinSeconds: number,
  { env = {}, cwd = root }: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<Ran> {
  const ran = await execa(file, args, { cwd, env, timeout: withinSeconds * 1000, reject: false, stdin: 'ignore' })
  return {
    exitCode: ran.exitCode ?? -1,
    stdout: String(ran.stdout ?? ''),
    stderr: String(ran.stderr ?? ''),
    missing: ran.code === 'ENOENT',
    timedOut: ran.timedOut,
  }
}

/** Runs docker and keeps what it says; a failure is a value. */
export function tryDocker({ args, env }: DockerCommand, withinSeconds = 60): Promise<Ran> {
  return run('docker', args, withinSeconds, env && { env })
}

/**
 * Runs docker and gives its standard output.
 * @throws LabError with what docker said last
 */
export async function docker(command: DockerCommand, withinSeconds = 60): Promise<string> {
  const ran = await tryDocker(command, withinSeconds)
  if (ran.exitCode === 0) return ran.stdout
  throw new LabError(`${typed({ args: command.args }, process.platform)}: ${whyFailed(ran, withinSeconds)}`)
}

/** Shows the command, runs it in this terminal, and gives its exit code. Ctrl-C is the command's. */
export async function attached(command: DockerCommand): Promise<number> {
  show(command)
  const ignore = () => {}
  process.on('SIGINT', ignore)
  try {
    const ran = await execa('docker', command.args, { cwd: root, env: { ...command.env }, reject: false, stdio: 'inherit' })
    if (ran.code === 'ENOENT') throw new LabError('there is no command docker here; lab doctor says more')
    return ran.exitCode ?? 1
  } finally {
    process.off('SIGINT', ignore)
  }
}

/** What a command ends with that was ended by Ctrl-C. */
const interrupted = 130

/** As `attached`; the lab's command ends with 1 when docker's does not end with 0, and as docker's does after Ctrl-C. */
export async function attachedOrFail(command: DockerCommand): Promise<void> {
  endedWell(await attached(command))
}

/** Whether a command ended with 0. After Ctrl-C, the lab's ends alike; after anything else, with an error. */
export function endedWell(exitCode: number): boolean {
  if (exitCode !== 0 && exitCode !== interrupted) throw new LabError(`docker ended with ${exitCode}`)
  if (exitCode === interrupted) process.exitCode = interrupted
  return exitCode === 0
}

/** Why a command failed, in one line. */
export function whyFailed({ missing, timedOut, stderr, exitCode }: Ran, withinSeconds: number): string {
  if (missing) return 'there is no such command here'
  if (timedOut) return `no answer within ${withinSeconds} s`
  return stderr.trim().split('\n').at(-1) || `ended with ${exitCode}`
}
