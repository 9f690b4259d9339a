/** Validates all manifests with the API server: their fields, and their pods against the `restricted` Pod Security Standard. */

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { namespace } from '@lab/contract/kubernetes.ts'
import { run } from '@lab/host/docker.ts'
import { kubectl, tryKubectl } from '@lab/host/kubectl.ts'
import { root } from '@lab/host/root.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { optionalProgram } from '../lib/program.ts'
import { block, type } from './lib/cluster.ts'
import { schemaFile, writeSchemas } from './lib/schemas.ts'

interface Manifest {
  kind: string
  metadata: { name: string; namespace?: string }
}

/** Kustomize overlay that enables all components; only this test uses it. */
const everything = 'reports/kubernetes-everything'
/** Folder with the JSON schemas for kubeconform. */
const schemas = 'reports/kubernetes-schemas'
const kubeconform = optionalProgram('kubeconform', 'the manifests with kubeconform')

describe.skipIf(inject('cluster') === 'none')('the API server accepts', () => {
  beforeAll(async () => {
    // The overlays differ in immutable fields, so the lab must not already exist in the cluster.
    await type(block('delete namespace'), 320)
    await run(process.execPath, ['tools/cli/src/main.ts', 'k8s', 'export'], { withinSeconds: 300 })
    await kubectl(['apply', '-f', 'k8s/base/namespace.yaml'])
    await mkdir(`${root}${everything}`, { recursive: true })
    const components = ['../../k8s/components/telemetry', '../../k8s/components/ingress-nginx']
    await writeFile(`${root}${everything}/kustomization.yaml`, stringify({ resources: ['../../k8s/overlays/dev'], components }))
  }, 700_000)

  afterAll(() => rm(`${root}${everything}`, { recursive: true }))

  test.each(['k8s/base', 'k8s/overlays/dev', 'k8s/overlays/cloud', 'k8s/overlays/load', everything])('%s', async (folder) => {
    const { exitCode, stdout, stderr } = await tryKubectl(['apply', '--dry-run=server', '-k', folder])
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n').length).toBeGreaterThan(0)
    const objects = parseAllDocuments(await kubectl(['kustomize', folder])).map((one) => one.toJS() as Manifest)
    const elsewhere = objects.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== namespace)
    expect(elsewhere).toEqual([])
  })

  test('no field that it does not know', async () => {
    const { stderr, exitCode } = await tryKubectl(['apply', '--dry-run=server', '--validate=strict', '-k', everything])
    expect(exitCode, stderr).toBe(0)
  })

  test.skipIf(kubeconform === undefined)(
    'no field that its OpenAPI definitions do not have, according to kubeconform',
    async () => {
      const openApi = JSON.parse(await kubectl(['get', '--raw', '/openapi/v2'])) as Parameters<typeof writeSchemas>[0]
      await writeSchemas(openApi, `${root}${schemas}`)
      const check = async (manifests: string) => {
        await writeFile(`${root}${schemas}/manifests.yaml`, manifests)
        const args = ['-strict', '-summary', '-schema-location', `${root}${schemas}/${schemaFile}`, `${schemas}/manifests.yaml`]
        return run(kubeconform ?? '', args, { folder: root, withinSeconds: 60 })
      }
      for (const folder of ['k8s/overlays/dev', 'k8s/overlays/cloud', 'k8s/overlays/load', everything]) {
        const { exitCode, stdout, stderr } = await check(await kubectl(['kustomize', folder]))
        expect(exitCode, `${stdout}${stderr}`).toBe(0)
        expect(stdout).toMatch(/Valid: [1-9]\d*, Invalid: 0, Errors: 0, Skipped: 0/)
      }
      const misspelt = (await kubectl(['kustomize', 'k8s/overlays/dev'])).replace(
        'terminationGracePeriodSeconds',
        'terminationGraceSeconds',
      )
      expect((await check(misspelt)).stdout).toContain('terminationGraceSeconds')
    },
    120_000,
  )

  test('refuses a pod that runs as root', async () => {
    const pod = { spec: { containers: [{ name: 'root', image: 'x', securityContext: { runAsUser: 0 } }] } }
    const { stderr, exitCode } = await tryKubectl([
      '-n',
      namespace,
      'run',
      'root',
      '--image=x',
      '--dry-run=server',
      `--overrides=${JSON.stringify(pod)}`,
    ])
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('violates PodSecurity "restricted')
  })
})
