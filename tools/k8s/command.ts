/** Implements the `k8s` commands, which write the Kubernetes manifests and check the cluster. */
import { examples } from '@lab/host/arguments.ts'
import type { Command } from 'commander'
import { doctor } from './doctor.ts'
import { exportManifests } from './export.ts'

/** Adds the `k8s` commands to a program. */
export function register(program: Command): void {
  const k8s = program.command('k8s').description('run the lab in a Kubernetes cluster, with the manifests in k8s/')
  k8s
    .command('export')
    .description(
      'write the manifests from the Compose files, contract/ and scaler/, and create the secret file that they need, if it does not exist',
    )
    .addHelpText('after', examples('./lab k8s export'))
    .action(exportManifests)
  k8s
    .command('doctor')
    .description(
      'check whether the lab can run in the cluster of the current context, without changing anything; each problem is one line with the ' +
        'command that solves it; exit code 0: yes, 1: no, 2: yes, with warnings',
    )
    .addHelpText('after', examples('./lab k8s doctor'))
    .action(doctor)
}
