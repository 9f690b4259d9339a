/** `images`: the lab's images on a stick, for workshops without a network. */
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { execa } from 'execa'
import { columns } from '../columns.ts'
import { allImagesCommands, typed } from '../compose.ts'
import { docker, root, say, show, tryDocker, whyFailed } from '../docker.ts'
import { imagesOf, type LabImage, loadedImages, megabytes, renames } from '../images.ts'
import { LabError } from '../lab-error.ts'
import { withProgress } from '../progress.ts'
import { model } from '../project.ts'
import { examples, printJson } from './options.ts'

interface SizedImage extends LabImage {
  /** Undefined where it is not on this machine. */
  bytes?: number
}

export function register(program: Command): void {
  const images = program
    .command('images')
    .description('the images of the lab: list them, save them to a file, load them from it')
    .addHelpText('after', examples('lab images list', 'lab images save lab.tar', 'lab images load lab.tar && lab up --offline'))
  images
    .command('list', { isDefault: true })
    .description('every image with its size, of all profiles and of the scaler')
    .option('--json', 'one JSON document')
    .action(list)
  images
    .command('save')
    .description('write the images to one file, as docker save does')
    .argument('<file>', 'is overwritten')
    .argument('[services...]', 'only the images of these')
    .option('--present', 'leave out what is not on this machine, instead of refusing')
    .action(save)
  images.command('load').description('read the images from a file').argument('<file>', 'from lab images save').action(load)
}

async function list({ json = false }: { json?: boolean }): Promise<void> {
  const images = await sized(imagesOf(await model()))
  if (json) return printJson(images)
  const rows = images.map(({ image, services, bytes }) => [image, services.join(', '), bytes === undefined ? 'not here' : megabytes(bytes)])
  process.stdout.write(columns([['IMAGE', 'SERVICES', 'SIZE'], ...rows]))
}

async function save(file: string, only: string[], { present = false }: { present?: boolean }): Promise<void> {
  const lab = await model()
  const unknown = only.filter((service) => !(service in lab.services))
  if (unknown.length > 0) throw new LabError(`no service ${unknown.join(', ')}; there are ${Object.keys(lab.services).join(', ')}`)
  const images = await sized(imagesOf(lab, only))
  const missing = images.filter(({ bytes }) => bytes === undefined).map(({ image }) => image)
  if (missing.length > 0 && !present) {
    const lines = allImagesCommands().map((command) => typed(command, process.platform))
    throw new LabError(
      `not on this machine: ${missing.join(', ')}. Save the others: --present. Get them, with a network:\n${lines.join('\n')}`,
    )
  }
  for (const image of missing) say(`left out, not on this machine: ${image}`)
  const here = images.filter(({ bytes }) => bytes !== undefined)
  if (here.length === 0) throw new LabError('none of the images is on this machine')
  const path = resolve(file)
  const most = here.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  const names = here.map(({ image }) => image)
  show({ args: ['save', '-o', file, ...names] })
  const written = await saveTo(path, names, most)
  process.stdout.write(columns(here.map(({ image, bytes = 0 }) => [image, megabytes(bytes)])))
  process.stdout.write(`${file}: ${megabytes(written)}, ${here.length} images\n`)
}

/** Gives the size of the file: less than its images together, for they share layers. What is cut off half-way leaves none. */
async function saveTo(path: string, names: readonly string[], most: number): Promise<number> {
  const part = `${path}.part`
  await counted(`Saving ${names.length} images, at most ${megabytes(most)}`, most, async (counter) => {
    const child = execa('docker', ['save', ...names], {
      cwd: root,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      reject: false,
      buffer: { stdout: false },
    })
    try {
      await pipeline(child.stdout, counter, createWriteStream(part))
      const { exitCode, stderr } = await child
      if (exitCode !== 0) throw new LabError(`docker save: ${stderr}`)
      await rename(part, path)
    } catch (error) {
      child.kill()
      await rm(part, { force: true })
      throw error
    }
  })
  return (await stat(path)).size
}

async function load(file: string): Promise<void> {
  const path = resolve(file)
  const found = await stat(path).catch((error: Error) => {
    throw new LabError(error.message)
  })
  show({ args: ['load', '-i', file] })
  let said = ''
  await counted(`Loading ${megabytes(found.size)}`, found.size, async (counter) => {
    const child = execa('docker', ['load'], { cwd: root, stdin: 'pipe', reject: false })
    // Docker may have read enough before the end.
    await pipeline(createReadStream(path), counter, child.stdin).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
    const { exitCode, stderr, stdout } = await child
    if (exitCode !== 0) throw new LabError(`docker load: ${stderr.trim() || `ended with ${exitCode}`}`)
    said = stdout
  })
  const lab = await model()
  for (const { from, to } of renames(lab, loadedImages(said))) {
    const command = { args: ['tag', from, to] }
    show(command)
    await docker(command)
  }
  process.stdout.write(
    loadedImages(said)
      .map((image) => `${image}\n`)
      .join(''),
  )
  const missing = (await sized(imagesOf(lab))).filter(({ bytes }) => bytes === undefined)
  say(missing.length === 0 ? 'All images are here: lab up --offline' : `still not here: ${missing.map(({ image }) => image).join(', ')}`)
}

/** Runs a transfer with its progress shown. @param total bytes, at most */
async function counted(title: string, total: number, transfer: (counter: Transform) => Promise<void>): Promise<void> {
  await withProgress([
    {
      title,
      task: async (_context, task) => {
        let passed = 0
        const counter = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            const before = Math.floor((passed / total) * 10)
            passed += chunk.length
            // Every tenth is enough for a log.
            if (process.stderr.isTTY || Math.floor((passed / total) * 10) > before) {
              task.output = `${megabytes(passed)} of ${megabytes(Math.max(total, passed))}`
            }
            done(null, chunk)
          },
        })
        await transfer(counter)
      },
    },
  ])
}

async function sized(images: readonly LabImage[]): Promise<SizedImage[]> {
  return Promise.all(
    images.map(async (one) => {
      const ran = await tryDocker({ args: ['image', 'inspect', '--format', '{{.Size}}', one.image] })
      if (ran.exitCode !== 0 && !/no such image/i.test(ran.stderr)) throw new LabError(`docker image inspect: ${whyFailed(ran, 60)}`)
      return ran.exitCode === 0 ? { ...one, bytes: Number(ran.stdout) } : one
    }),
  )
}
