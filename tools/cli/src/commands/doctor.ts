/** Implements the `doctor` command, which checks whether the lab can run on this machine, without changing anything. */

import { examples, printJson } from '@lab/host/arguments.ts'
import { profilesOn } from '@lab/lab/compose/project.ts'
import type { Command } from 'commander'
import type { Facts } from '../doctor/facts.ts'
import { exitCodeOf, findingsOf } from '../doctor/findings.ts'
import { findingLines } from '../doctor/lines.ts'
import { gatherFacts } from '../doctor/probes.ts'
import { withProgress } from '../progress.ts'

export function register(program: Command): void {
  program
    .command('doctor')
    .description('check whether the lab can run on this machine, without changing anything; exit code 0: yes, 1: no, 2: yes, with warnings')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('./lab doctor', './lab doctor --json'))
    .action(doctor)
}

async function doctor({ json = false }: { json?: boolean }): Promise<void> {
  const findings = findingsOf(await gathered())
  const exitCode = exitCodeOf(findings)
  if (json) printJson({ exitCode, findings })
  else {
    const end = ['The lab can run: ./lab up.', 'The lab cannot run: see above.', 'The lab can run, with the warnings above: ./lab up.'][
      exitCode
    ]
    process.stdout.write(`${findingLines(findings, process.stdout)}\n${end}\n`)
  }
  process.exitCode = exitCode
}

async function gathered(): Promise<Facts> {
  const facts = Promise.withResolvers<Facts>()
  const gather = async () => facts.resolve(await gatherFacts({ profiles: profilesOn() }))
  await withProgress([{ title: 'Checking Docker, ports, disk and files', task: gather }])
  return facts.promise
}
