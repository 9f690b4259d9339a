/**
 * `pause` and `resume`: create and remove pause files in the decision log's folder, one for all autoscalers or one for each. The scaler
 * checks for them on every sync.
 */
import type { Command } from 'commander'
import { decisionLogPath, isPaused, pauseFilePath, readDecisionLog, setPaused } from '../decision-log.ts'
import { hint, nameArgument, namesIn, print, stateOption } from './log.ts'

export function register(program: Command): void {
  program
    .command('pause')
    .description('pause the scaler or one autoscaler: it still makes decisions, but does not change the number of replicas')
    .addArgument(nameArgument())
    .addOption(stateOption())
    .action(async (name: string | undefined, { state }: { state: string }) => {
      await checkName(state, name)
      await setPaused(state, true, name)
      print('paused\n')
      const resume = `./lab scaler resume${name === undefined ? '' : ` ${name}`}`
      hint(`${name ?? 'all autoscalers'}: paused from the next synchronisation on, until \`${resume}\` (${pauseFilePath(state, name)})`)
    })
  program
    .command('resume')
    .description('end a pause')
    .addArgument(nameArgument())
    .addOption(stateOption())
    .action(async (name: string | undefined, { state }: { state: string }) => {
      await checkName(state, name)
      if (name !== undefined && (await isPaused(state))) {
        throw new Error(`all autoscalers are paused together: resume them with \`./lab scaler resume\`, then pause single ones by name`)
      }
      await setPaused(state, false, name)
      print('resumed\n')
      hint(`${name ?? 'all autoscalers'}: resumed from the next synchronisation on`)
    })
}

/** @throws Error if the decision log has records, but none of an autoscaler with this name */
async function checkName(state: string, name: string | undefined): Promise<void> {
  const names = namesIn(await readDecisionLog(decisionLogPath(state)))
  if (name === undefined || (names.length === 0 && /^[a-z0-9.-]+$/.test(name)) || names.includes(name)) return
  throw new Error(`horizontalpodautoscalers.autoscaling "${name}" not found; the log has: ${names.join(', ') || 'no autoscaler'}`)
}
