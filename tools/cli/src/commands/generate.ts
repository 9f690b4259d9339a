/**
 * Implements the `generate` command, which writes all generated files. The generator runs in a separate process, because it has to load
 * every command in order to generate the help pages.
 */
import { examples } from '@lab/host/arguments.ts'
import { run } from '@lab/host/docker.ts'
import { root } from '@lab/host/root.ts'
import type { Command } from 'commander'

const withinSeconds = 300

export function register(program: Command): void {
  program
    .command('generate')
    .description('write all generated files (reference pages, dashboards, rules), like npm run generate')
    .addHelpText('after', examples('./lab generate'))
    .action(async () => {
      const { exitCode } = await run(process.execPath, [`${root}tools/generate/main.ts`], { withinSeconds, show: true })
      process.exitCode = exitCode === 0 ? 0 : 1
    })
}
