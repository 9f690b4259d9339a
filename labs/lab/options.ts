/** Command-line options that select the lab on which a command acts. */
import { httpAddress } from '@lab/host/arguments.ts'
import { Option } from 'commander'
import { type LabKind, labKinds } from './lab.ts'

/** Values of the options that select a lab. */
export interface WhichLab<K extends LabKind = LabKind> {
  on: K
  page?: string
}

const descriptions: Readonly<Record<LabKind, string>> = {
  compose: 'compose is the lab on Docker Compose',
  embedded: 'embedded is the lab that npm start runs',
  kubernetes: "kubernetes is the lab in the cluster of kubectl's current context",
}

/** Returns the `--on` option, which selects the kind of lab. @param kinds the kinds of labs that the command supports */
export function onOption(kinds: readonly LabKind[] = labKinds): Option {
  const [last = '', ...others] = kinds.map((kind) => descriptions[kind]).reverse()
  return new Option('--on <kind>', `kind of lab: ${others.reverse().join(', ')}, and ${last}`).choices(kinds).default('compose')
}

/** Returns the `--page` option, which sets the address of an embedded lab's live page. */
export function pageOption(): Option {
  const example = 'http://localhost:3000'
  return new Option('--page <url>', `the live page of the embedded lab (default: ${example}, or GRAFANA_PORT's)`)
    .argParser(httpAddress(example))
    .implies({ on: 'embedded' })
}
