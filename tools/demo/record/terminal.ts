/** Runs the commands that a film shows in its terminal. */
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { execa } from 'execa'

const main = join(root, 'tools/cli/src/main.ts')
const withinMs = 60_000

/**
 * Runs a `./lab` command and returns the lines of its output.
 * @param wanted texts of which each returned line contains one; null returns all lines
 * @param stateFolder the scaler's folder, from which `./lab scaler` reads decisions
 */
export async function runInTerminal(command: string, wanted: readonly string[] | null, stateFolder: string | undefined): Promise<string[]> {
  const [, ...words] = command.split(' ')
  const state = words[0] === 'scaler' && stateFolder !== undefined ? ['--state', stateFolder] : []
  const { exitCode, all } = await execa(process.execPath, [main, ...words, ...state], {
    cwd: root,
    all: true,
    reject: false,
    timeout: withinMs,
  })
  const lines = all.split('\n')
  if (exitCode !== 0) throw new Error(`${command} ended with exit code ${exitCode}: ${lines.at(-1)}`)
  return wanted === null ? lines : lines.filter((line) => wanted.some((text) => line.includes(text)))
}
