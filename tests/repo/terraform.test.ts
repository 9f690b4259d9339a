/**
 * Checks the Terraform files in deploy/ as far as possible without the AWS provider: their syntax, formatting and references, and the values
 * that must match the lab's manifests and settings.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { services } from '@lab/contract/endpoints.ts'
import { settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { read, readCompose, readYaml, repoFiles, root } from './lib/repo-files.ts'
import { type Block, format, problemsOf, readModule } from './lib/terraform.ts'

const folder = 'deploy/terraform/eks'
const files = repoFiles((path) => path.startsWith('deploy/') && path.endsWith('.tf'))
const lab = await readModule(Object.fromEntries(files.map((path) => [path, read(path)])))

/** Returns a block of the module. @throws Error if nothing declares the address */
function block(address: string): Block {
  const found = lab.blocks.get(address)
  if (found === undefined) throw new Error(`${folder} does not declare ${address}`)
  return found
}

/** Returns the text of an expression in a block. */
const expression = (text: string) => `\${${text}}`

/** Returns the blocks of all resources of a type. */
const ofType = (type: string) => [...lab.blocks].filter(([address]) => address.startsWith(`${type}.`)).map(([, one]) => one)

test('all files are in one folder', () => {
  expect([...new Set(files.map(dirname))]).toEqual([folder])
})

test('every reference names a declared block, and every variable, local value and data source is used', () => {
  expect(problemsOf(lab)).toEqual([])
  expect(lab.references.length).toBeGreaterThan(100)
})

test.each([...files, `${folder}/terraform.tfvars.example`])('%s is formatted like the output of `terraform fmt`', async (path) => {
  expect(await format(read(path))).toBe(read(path))
})

describe('the variables', () => {
  const variables = [...lab.blocks].filter(([address]) => address.startsWith('var.'))

  test.each(variables)(
    '%s has a type, a description, and a validation unless it is a boolean',
    (_address, { type, description, validation }) => {
      expect(type).toMatch(/^\$\{.+\}$/s)
      expect(description).toMatch(/^[A-Z].+\.$/)
      for (const { error_message: message } of validation ?? []) expect(message).toMatch(/^(The|Each) .+\.$/)
      expect(validation !== undefined || type === expression('bool')).toBe(true)
    },
  )

  test('the example sets those that have no default', () => {
    const needed = variables.filter(([, one]) => !('default' in one)).map(([address]) => address.replace('var.', ''))
    const set = [...read(`${folder}/terraform.tfvars.example`).matchAll(/^(\w+) *=/gm)].map(([, name]) => name)
    expect(set.sort()).toEqual(needed.sort())
  })

  test('are all described on the page', () => {
    const page = read('docs/eks.md')
    expect(variables.filter(([address]) => !page.includes(`\`${address.replace('var.', '')}\``))).toEqual([])
  })
})

describe('data', () => {
  test('is encrypted, and not reachable from the internet', () => {
    for (const one of ofType('aws_db_instance')) expect(one).toMatchObject({ storage_encrypted: true, publicly_accessible: false })
    for (const one of ofType('aws_elasticache_replication_group'))
      expect(one).toMatchObject({ at_rest_encryption_enabled: true, transit_encryption_enabled: true })
    for (const one of ofType('aws_launch_template')) expect(one.block_device_mappings[0].ebs[0].encrypted).toBe(true)
    const open = ofType('aws_vpc_security_group_ingress_rule').filter((one) => !('referenced_security_group_id' in one))
    expect(open.map((one) => one.for_each)).toEqual([expression('var.client_cidrs')])
    expect(parse(read(`${folder}/kubernetes/storage-class.yaml`)).parameters.encrypted).toBe('true')
  })

  test('the state and the files do not contain passwords', () => {
    const secrets = [...lab.blocks].flatMap(([address, one]) =>
      Object.keys(one).flatMap((key) => (/password|secret_string|auth_token/.test(key) ? [`${address}.${key}`] : [])),
    )
    expect(secrets.filter((one) => !/_wo(_version)?$/.test(one)).sort()).toEqual([
      'aws_db_instance.lab.manage_master_user_password',
      'ephemeral.aws_secretsmanager_random_password.valkey.password_length',
    ])
  })

  test('Git ignores the state, the settings and the files that are written for one cluster', () => {
    const ignored = read('.gitignore').split('\n')
    const written = ['kustomization.yaml', 'valkey-url'].map((name) => `${folder}/kubernetes/${name}`)
    expect(ignored).toEqual(expect.arrayContaining(['.terraform/', '*.tfstate*', '*.tfvars', ...written]))
  })
})

describe('the values match the lab', () => {
  const images = readImages()

  test('the registry has a repository for each image that the lab builds', () => {
    expect([...block('local.images').value.matchAll(/"([\w-]+)"/g)].map(([, name]) => name).sort()).toEqual(images)
  })

  test('the load balancer forwards to the node port of Traefik', () => {
    const { ports } = readYaml<{ ports: { web: { nodePort: number } } }>(`${folder}/kubernetes/traefik.yaml`)
    expect(block('local.traefik_node_port').value).toBe(ports.web.nodePort)
  })

  test('the replicas send pings more often than the idle timeouts of the load balancer', () => {
    const timeouts = [350, Number(/: (\d+)\}$/.exec(block('aws_lb_listener.lab').tcp_idle_timeout_seconds)?.[1])]
    for (const seconds of timeouts) expect(seconds * 1000).toBeGreaterThan(2 * settings.HEARTBEAT_INTERVAL.default)
    expect(read(`${folder}/load-balancer.tf`)).toContain(`ping every ${settings.HEARTBEAT_INTERVAL.default / 1000} s`)
  })

  test('Valkey treats a full memory as on Compose', () => {
    const command =
      readCompose<{ services: Record<string, { command: string[] }> }>('compose.yaml').services[services.valkey]?.command ?? []
    const [parameter] = block('aws_elasticache_parameter_group.lab').parameter
    expect(parameter).toEqual({ name: 'maxmemory-policy', value: command[command.indexOf('--maxmemory-policy') + 1] })
  })

  test('the version of Kubernetes is new enough for the manifests', () => {
    const [, needed] = /Kubernetes 1\.(\d+) or later/.exec(read('docs/kubernetes.md')) ?? []
    expect(block('var.kubernetes_version').validation[0].condition).toContain(`>= ${needed}`)
  })
})

describe('the templates', () => {
  test.each(['kustomization', 'next_steps'])('the output %s sets exactly the values that its template uses', (output) => {
    const { value } = block(`output.${output}`)
    const [, path = ''] = /path\.module\}\/(\S+?\.tftpl)"/.exec(value) ?? []
    const set = [...value.matchAll(/^ +(\w+) +=/gm)].map(([, name]) => name)
    const used = [...read(`${folder}/${path}`).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)
    expect(set.sort()).toEqual([...new Set(used)].sort())
  })

  describe('the kustomization', () => {
    const text = read(`${folder}/kubernetes/kustomization.yaml.tftpl`).replaceAll(/\$\{(\w+)\}/g, '$1')
    const { resources, patches, images, secretGenerator } = parse(text) as {
      resources: string[]
      patches: { target: { kind: string; name: string }; patch: string }[]
      images: { name: string }[]
      secretGenerator: { name: string; files: string[] }[]
    }
    const objects = repoFiles((path) => path.startsWith('k8s/base/') && path.endsWith('.yaml')).flatMap((path) =>
      parseAllDocuments(read(path)).map((one) => one.toJS() as Block),
    )
    const find = ({ kind, name }: { kind: string; name: string }) => objects.find((one) => one.kind === kind && one.metadata?.name === name)

    test('refers to existing files, and changes existing objects', () => {
      expect(resources.filter((path) => !existsSync(join(root, folder, 'kubernetes', path)))).toEqual([])
      expect(patches.map(({ target }) => target).filter((target) => find(target) === undefined)).toEqual([])
    })

    test('replaces the image of every container that runs an image of the lab', () => {
      expect(images.map(({ name }) => name.replace('websocket-lab/', ''))).toEqual(
        readImages()
          .filter((name) => name !== services.k6)
          .reverse(),
      )
    })

    test('replaces the StatefulSet of Valkey, and sets a URL that the replicas accept', () => {
      const deleted = patches.filter(({ patch }) => patch.startsWith('$patch: delete')).map(({ target }) => target)
      expect(deleted).toEqual(['StatefulSet', 'Service'].map((kind) => ({ kind, name: services.valkey })))
      const added = patches.find(({ target }) => target.kind === 'Deployment')?.patch ?? ''
      const [{ name, files: secretFiles }] = secretGenerator as [{ name: string; files: string[] }]
      expect(parse(added)[0].value).toEqual({ name: 'VALKEY_URL', valueFrom: { secretKeyRef: { name, key: 'VALKEY_URL' } } })
      expect(secretFiles).toEqual(['VALKEY_URL=valkey-url'])
      const [, url = ''] = /printf '(valkeys:\S+)'/.exec(read(`${folder}/next-steps.tftpl`)) ?? []
      expect(url.replaceAll(/\$\{\w+\}|%s/g, 'x')).toMatch(new RegExp(settings.VALKEY_URL.pattern))
    })
  })

  test('the commands name existing files', () => {
    const paths = read(`${folder}/next-steps.tftpl`).match(/(?<= )(k8s|deploy|services|k6)\/[\w./-]+/g) ?? []
    const written = ['kustomization.yaml', 'valkey-url'].map((name) => `${folder}/kubernetes/${name}`)
    expect(paths.length).toBeGreaterThan(6)
    expect(paths.filter((path) => !written.includes(path) && !existsSync(join(root, path)))).toEqual([])
  })
})

describe('the check itself', () => {
  test.each([
    ['locals {\n  zones = var.missing\n}', ['x.tf: nothing declares var.missing', 'nothing uses local.zones']],
    ['resource "aws_vpc" "a" {\n  name = aws_eip.b[each.key].id\n}', ['x.tf: nothing declares aws_eip.b']],
    ['resource "aws_vpc" "a" {\n  depends_on = [aws_route.c]\n}', ['x.tf: nothing declares aws_route.c']],
    ['variable "a" {\n  type = set(string)\n}', ['nothing uses var.a']],
    ['data "aws_ami" "a" {}\noutput "b" {\n  value = [for one in data.aws_ami.a.names : one.name]\n}', []],
  ])('the problems of %j are %j', async (text, problems) => {
    expect(problemsOf(await readModule({ 'x.tf': text }))).toEqual(problems)
  })

  test('a syntax error is reported with its position', async () => {
    await expect(readModule({ 'x.tf': 'resource "a" "b" {' })).rejects.toThrow('x.tf:1')
  })
})

/** Returns the names of the images that the lab builds for the cluster. */
function readImages(): string[] {
  const manifests = repoFiles((path) => path.startsWith('k8s/') && path.endsWith('.yaml')).map(read)
  return [
    ...new Set(manifests.flatMap((text) => [...text.matchAll(/image: websocket-lab\/([\w-]+):/g)].map(([, name = '']) => name))),
  ].sort()
}
