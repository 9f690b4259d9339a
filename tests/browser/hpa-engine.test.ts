/** Builds and packs the HPA engine, installs it in an empty folder, and uses it there: with types, in Node, and in a browser. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { buildPackage } from '@lab/hpa-engine/build.ts'
import { execa } from 'execa'
import { build } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasChromium, launch } from './lib/browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'hpa-engine-'))
const user = join(folder, 'user')
const readme = () => readFileSync(join(root, 'tools/hpa-engine/README.md'), 'utf8')

/** Returns the name of the tarball of a folder with a package. */
async function pack(from: string): Promise<string> {
  const { stdout } = await execa('npm', ['pack', '--ignore-scripts', '--json', from], { cwd: folder, timeout: 120_000 })
  return join(folder, (JSON.parse(stdout) as { filename: string }[])[0]?.filename ?? '')
}

beforeAll(async () => {
  await buildPackage(join(folder, 'built'))
  const tarballs = [await pack(join(folder, 'built'))]
  // The two dependencies are packed from this checkout, so that the installation needs no registry.
  for (const name of ['yaml', 'zod']) tarballs.push(await pack(join(root, 'node_modules', name)))
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
  await execa('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], { cwd: user, timeout: 120_000 })
  writeFileSync(join(user, 'hpa.yaml'), readFileSync(join(root, 'scaler/hpa.yaml')))
  writeFileSync(join(user, 'expectations.yaml'), readFileSync(join(root, 'tools/hpa/examples/lab.test.yaml')))
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program that decides once, in the language of its users. */
const program = `
import { type Decision, decide, defaultControllerOptions, emptyMemory, type HorizontalPodAutoscaler, readHpa, seriesKey } from '@lab/hpa-engine'

export function decideOn(text: string): Decision {
  const read = readHpa(text, 'hpa.yaml', defaultControllerOptions.featureGates)
  if (!read.ok) throw new Error(read.problems.join('\\n'))
  const hpa: HorizontalPodAutoscaler = { ...read.value, metrics: read.value.metrics.slice(0, 1) }
  const [metric] = hpa.metrics
  const valuesMilli = metric === undefined ? {} : { [seriesKey(metric)]: 250_000 }
  const pod = { phase: 'Running', deleting: false, startTimeSeconds: 0, ready: { status: 'True', sinceSeconds: 0 }, containers: [], sample: null, valuesMilli } as const
  const pods = ['web-1', 'web-2'].map((name) => ({ name, ...pod }))
  const scale = { specReplicas: 2, statusReplicas: 2 }
  const observation = { timeSeconds: 1000, scale, pods, objectValuesMilli: {}, externalValuesMilli: {} }
  return decide(hpa, defaultControllerOptions, observation, emptyMemory).decision
}
`

test('a program that uses it has types without errors', async () => {
  writeFileSync(join(user, 'decide.ts'), program)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', '--types', '', '--ignoreConfig']
  const { all } = await execa(process.execPath, [compiler, ...options, 'decide.ts'], {
    cwd: user,
    reject: false,
    all: true,
    timeout: 120_000,
  })
  expect(all).toBe('')
  writeFileSync(join(user, 'wrong.ts'), program.replace('specReplicas: 2', "specReplicas: 'two'"))
  const wrong = await execa(process.execPath, [compiler, ...options, 'wrong.ts'], { cwd: user, reject: false, all: true, timeout: 120_000 })
  expect(wrong.all).toContain("Type 'string' is not assignable to type 'number'")
})

test('the CI program of the README finds mistakes and tests a file in Node', async () => {
  const [, ci = ''] = /## Find mistakes[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme()) ?? []
  writeFileSync(join(user, 'ci.js'), ci)
  const { exitCode, all } = await execa(process.execPath, ['ci.js'], { cwd: user, reject: false, all: true, timeout: 60_000 })
  expect([exitCode, all]).toEqual([0, expect.stringMatching(/hpa.yaml: 0 errors, 0 warnings, 0 notes[\s\S]*5 of 5 expectations met/)])
})

test.skipIf(!hasChromium)('it decides in a browser', async () => {
  writeFileSync(join(user, 'decide.ts'), program)
  writeFileSync(join(user, 'page.ts'), "import { decideOn } from './decide.ts'\nObject.assign(globalThis, { decideOn })\n")
  const { output } = await build({
    input: join(user, 'page.ts'),
    write: false,
    platform: 'browser',
    output: { format: 'iife' },
    logLevel: 'silent',
  })
  const browser = await launch()
  try {
    const page = await browser.newPage()
    await page.addScriptTag({ content: output[0].code })
    const text = readFileSync(join(user, 'hpa.yaml'), 'utf8')
    const decided = await page.evaluate(`decideOn(${JSON.stringify(text)})`)
    expect(decided).toMatchObject({ currentReplicas: 2, recommendation: 5, scaleTo: 5 })
  } finally {
    await browser.close()
  }
})
