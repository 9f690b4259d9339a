/** Command-line options that select the lab on which a command acts. */
import { httpAddress } from '@lab/host/arguments.ts'
import { Option } from 'commander'
import { type LabKind, labKinds } from './lab.ts'

/** Values of the options that select a lab. */
export interface WhichLab {
  on: LabKind
  page?: string
}

/** Returns the `--on` option, which selects the kind of lab. */
export function onOption(): Option {
  return new Option('--on <kind>', 'kind of lab: compose is the lab on Docker Compose, and embedded is the lab that npm start runs')
    .choices(labKinds)
    .default('compose')
}

/** Returns the `--page` option, which sets the address of an embedded lab's live page. */
export function pageOption(): Option {
  const example = 'http://localhost:3000'
  return new Option('--page <url>', `the live page of the embedded lab (default: ${example}, or GRAFANA_PORT's)`)
    .argParser(httpAddress(example))
    .implies({ on: 'embedded' })
}
