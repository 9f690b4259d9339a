/** `doctor`: can the lab run here? Looks, and changes nothing. */
import type { Command } from 'commander'
import type { Facts } from '../doctor/facts.ts'
import { exitCodeOf, findingsOf } from '../doctor/findings.ts'
import { findingLines } from '../doctor/lines.ts'
import { gatherFacts } from '../doctor/probes.ts'
import { withProgress } from '../progress.ts'
import { profilesOn } from '../project.ts'
import { examples, printJson } from './options.ts'

export function register(program: Command): void {
  program
    .command('doctor')
    .description('can the lab run here? exit code 0: fine, 1: blocked, 2: warnings only; changes nothing')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples('lab doctor', 'lab doctor --json'))
    .action(doctor)
}

async function doctor({ json = false }: { json?: boolean }): Promise<void> {
  const findings = findingsOf(await gathered())
  const exitCode = exitCodeOf(findings)
  if (json) printJson({ exitCode, findings })
  else {
    const end = ['Fine: lab up.', 'Blocked: see above.', 'It will run, with the warnings above: lab up.'][exitCode]
    process.stdout.write(`${findingLines(findings, process.stdout)}\n${end}\n`)
  }
  process.exitCode = exitCode
}

async function gathered(): Promise<Facts> {
  const facts = Promise.withResolvers<Facts>()
  const look = async () => facts.resolve(await gatherFacts({ profiles: profilesOn() }))
  await withProgress([{ title: 'Looking at Docker, ports, disk and files', task: look }])
  return facts.promise
}
