/** Runs `./lab parity` with invalid input. The run with a real control plane is in tests/kubernetes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@lab/host/docker.ts'
import { afterAll, expect, test } from 'vitest'
import { programs } from './control-plane.ts'

const folder = mkdtempSync(join(tmpdir(), 'lab-parity-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
for (const name of programs) writeFileSync(join(folder, name), '')
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const controller = {
  downscaleStabilizationSeconds: 300,
  tolerance: 0.1,
  cpuInitializationPeriodSeconds: 300,
  initialReadinessDelaySeconds: 30,
}
const scenario = (id: string) => `${JSON.stringify({ id, hpa: { maxReplicas: 3 }, controller, steps: [] })}\n`

test.each<[string, readonly string[], string]>([
  [
    'no binaries',
    ['x.json'],
    'no folder with etcd, kube-apiserver and kube-controller-manager: use --binaries FOLDER, or set KUBEBUILDER_ASSETS',
  ],
  ['a folder without the programs', ['x.json', '--binaries', tmpdir()], 'has no etcd and no kube-apiserver and no kube-controller-manager'],
  ['a missing recording', ['missing.json', '--binaries', folder], 'missing.json: cannot be read'],
  ['a file that is no case', [write('log.json', '{"id":1}\n'), '--binaries', folder], 'log.json:1: not a case: id'],
  [
    'a file with several cases',
    [write('two.jsonl', scenario('a') + scenario('b')), '--binaries', folder],
    'has 2 cases; choose one with --case ID',
  ],
  ['a case that the file does not have', [join(folder, 'two.jsonl'), '--binaries', folder, '--case', 'c'], 'has no case c'],
  ['a case without steps', [join(folder, 'two.jsonl'), '--binaries', folder, '--case', 'b'], 'the case b has no step'],
  ['a time scale of 0', ['x.json', '--time-scale', '0'], '--time-scale 0: allowed is a whole number from 1 to 100'],
])('%s is refused with one line', async (_, args, message) => {
  const { exitCode, stdout, stderr } = await run(process.execPath, ['tools/cli/src/main.ts', 'parity', ...args], {
    env: { KUBEBUILDER_ASSETS: undefined },
  })
  expect({ exitCode, stdout, lines: stderr.trim().split('\n').length }).toEqual({ exitCode: 2, stdout: '', lines: 1 })
  expect(stderr).toContain(message)
})
