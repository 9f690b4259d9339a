/**
 * The only module that starts `docker` and other commands on the host. Every command that runs in the background is subject to a time
 * limit.
 */
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'
import { execa, execaSync, type Options } from 'execa'
import { type DockerCommand, typed } from './compose.ts'
import { LabError } from './lab-error.ts'
import { root } from './root.ts'

/** The output and exit code of a command, and whether the command was not installed, timed out or was stopped. */
export interface Ran {
  exitCode: number
  stdout: string
  stderr: string
  /** Whether the command is missing on this machine. */
  missing: boolean
  timedOut: boolean
  /** Whether the `stop` signal aborted the command. */
  stopped: boolean
}

export interface RunOptions {
  /** Time limit for the command in seconds; one minute if undefined. */
  withinSeconds?: number
  /** Environment variables to set in addition to those of this process. */
  env?: Readonly<Record<string, string | undefined>>
  /** Working directory of the command; the root of the checkout if undefined. */
  folder?: string
  /** Signal that aborts the command; an aborted command counts as failed. */
  stop?: AbortSignal
  /** Prints the output as it arrives, for long-running commands. */
  show?: boolean
  /** Text for the command's standard input, which is empty if undefined. */
  input?: string
}

const defaultWithinSeconds = 60
const maxOutputBytes = 64 * 2 ** 20
/** Exit code of a command that was interrupted with Ctrl-C. */
const interrupted = 130

function optionsOf({ withinSeconds = defaultWithinSeconds, env = {}, folder = root, stop, show = false, input }: RunOptions): Options {
  return {
    cwd: folder,
    env: { COMPOSE_PROGRESS: 'plain', COMPOSE_ANSI: 'never', ...env },
    timeout: withinSeconds * 1000,
    forceKillAfterDelay: 2000,
    maxBuffer: maxOutputBytes,
    reject: false,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    stdout: show ? ['pipe', 'inherit'] : 'pipe',
    stderr: show ? ['pipe', 'inherit'] : 'pipe',
    // The command gets its own process group, so that Ctrl-C does not interrupt it: this process still needs Docker to undo its changes.
    detached: true,
    ...(stop && { cancelSignal: stop }),
  }
}

/** Runs a command and returns its output; the promise does not reject if the command fails. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const ran = await execa(file, args, optionsOf(options))
  const stderr = String(ran.stderr ?? '')
  return {
    exitCode: ran.exitCode ?? -1,
    stdout: String(ran.stdout ?? ''),
    stderr: ran.timedOut ? `${stderr}\nstopped after ${options.withinSeconds ?? defaultWithinSeconds} s` : stderr,
    missing: ran.code === 'ENOENT',
    timedOut: ran.timedOut,
    stopped: ran.isCanceled,
  }
}

/** The arguments of a `docker` call, or a complete `docker` command with environment variables. */
export type Call = readonly string[] | DockerCommand

const commandOf = (call: Call): DockerCommand => ('args' in call ? call : { args: call })

/** Runs `docker …` and returns its output; the promise does not reject if the command fails. */
export function tryDocker(call: Call, options: RunOptions = {}): Promise<Ran> {
  const { args, env } = commandOf(call)
  return run('docker', args, { ...options, env: { ...env, ...options.env } })
}

/**
 * Runs `docker …` and returns its standard output.
 * @throws LabError with the command and the last lines of its output
 */
export async function docker(call: Call, options: RunOptions = {}): Promise<string> {
  const ran = await tryDocker(call, options)
  if (ran.exitCode === 0) return ran.stdout
  throw new LabError(
    `${typed({ args: commandOf(call).args }, process.platform)}: ${whyFailed(ran, options.withinSeconds ?? defaultWithinSeconds)}`,
  )
}

/**
 * Runs `docker …` synchronously, for use in exit handlers. Returns the standard error of a failed command, or undefined if the command
 * succeeded.
 */
export function dockerSync(
  args: readonly string[],
  { withinSeconds = defaultWithinSeconds, env = {} }: RunOptions = {},
): string | undefined {
  const ran = execaSync('docker', args, { cwd: root, env, timeout: withinSeconds * 1000, reject: false, stdin: 'ignore' })
  return ran.exitCode === 0 ? undefined : `docker ${args.join(' ')}\n${ran.stderr}`
}

/** A command that runs until it is stopped. */
export interface Following {
  /** Process id; undefined if the command could not be started. */
  readonly pid: number | undefined
  /** Resolves when the command has exited. */
  readonly ended: Promise<void>
  /** Stops the command. Resolves when the command has exited. */
  stop(): Promise<void>
}

/**
 * Runs a command that prints lines until it is stopped, such as `docker events` or `kubectl proxy`.
 * @param onLine called with each line of the command's standard output
 * @param onEnd called with the exit code if the command exits before it is stopped
 */
export function follow(
  program: string,
  args: readonly string[],
  onLine: (line: string) => void,
  onEnd: (exitCode: number | undefined) => void,
): Following {
  const running = execa(program, args, { cwd: root, stdin: 'ignore', buffer: false, reject: false, detached: true })
  let stopping = false
  createInterface({ input: running.stdout }).on('line', onLine)
  const ended = running.then(({ exitCode }) => {
    if (!stopping) onEnd(exitCode)
  })
  return {
    pid: running.pid,
    ended,
    stop: async () => {
      stopping = true
      running.kill('SIGTERM')
      await running
    },
  }
}

/**
 * Runs `docker …` with its input and output as streams, for data that does not fit in memory. The transfer has no time limit, because its
 * duration depends on the size of the images, but Ctrl-C interrupts it. Rejects if the transfer fails.
 * @param transfer function that writes the command's complete input, or reads its complete output
 */
export async function dockerStreams(
  args: readonly string[],
  transfer: (streams: { input: Writable; output: Readable }) => Promise<void>,
): Promise<Pick<Ran, 'exitCode' | 'stderr'>> {
  const child = execa('docker', args, {
    cwd: root,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    reject: false,
    buffer: { stdout: false },
  })
  try {
    await transfer({ input: child.stdin, output: child.stdout })
  } catch (error) {
    child.kill()
    await child
    throw error
  }
  const { exitCode = -1, stderr } = await child
  return { exitCode, stderr }
}

/** Explains in one line why a command failed. */
export function whyFailed({ missing, timedOut, stopped, stderr, stdout, exitCode }: Ran, withinSeconds: number): string {
  if (missing) return 'this command is not installed'
  if (timedOut) return `no answer within ${withinSeconds} s`
  if (stopped) return 'the command was interrupted'
  const lines = (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' ')
  return lines || `ended with ${exitCode}`
}

/** Prints one line to standard error. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Prints a command before it runs, so that users can learn it. */
export function show(command: DockerCommand, program = 'docker'): void {
  say(styleText('dim', `$ ${typed(command, process.platform, program)}`, { stream: process.stderr }))
}

/**
 * Prints a command, runs it in this terminal without a time limit, and returns its exit code. Ctrl-C in the terminal interrupts the
 * command; this process waits for the command to exit.
 */
export async function attached({ args, env }: DockerCommand, program: 'docker' | 'kubectl' = 'docker'): Promise<number> {
  show({ args, ...(env && { env }) }, program)
  const ignore = () => {}
  process.on('SIGINT', ignore)
  try {
    const ran = await execa(program, args, { cwd: root, env: { ...env }, reject: false, stdio: 'inherit' })
    if (ran.code === 'ENOENT')
      throw new LabError(`${program} is not installed; see ./lab ${program === 'docker' ? 'doctor' : 'k8s doctor'}`)
    return ran.exitCode ?? 1
  } finally {
    process.off('SIGINT', ignore)
  }
}

/** Runs a command as `attached` does, but makes this process exit with code 1 if it fails, and with code 130 after Ctrl-C. */
export async function attachedOrFail(command: DockerCommand, program: 'docker' | 'kubectl' = 'docker'): Promise<void> {
  endedWell(await attached(command, program), program)
}

/**
 * Returns whether a command exited with code 0. If the command was interrupted with Ctrl-C, sets this process's exit code to 130. Throws if
 * the command failed.
 */
export function endedWell(exitCode: number, program = 'docker'): boolean {
  if (exitCode !== 0 && exitCode !== interrupted) throw new LabError(`${program} failed with exit code ${exitCode}`)
  if (exitCode === interrupted) process.exitCode = interrupted
  return exitCode === 0
}

/** User and group of this process, used as the owner of files that containers write; undefined where Docker maps file ownership itself. */
export function fileOwner(): { uid: number; gid: number } | undefined {
  const { platform, getuid, getgid } = process
  return platform === 'linux' && getuid && getgid ? { uid: getuid.call(process), gid: getgid.call(process) } : undefined
}
