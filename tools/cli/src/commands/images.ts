/** Implements the `images` command, which transfers the lab's images as a file, for workshops without network access. */
import { createReadStream, createWriteStream, globSync, readFileSync, writeFileSync } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { examples, printJson } from '@lab/host/arguments.ts'
import { allImagesCommands, typed } from '@lab/host/compose.ts'
import { docker, dockerStreams, say, show, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { model } from '@lab/lab/compose/project.ts'
import type { Command } from 'commander'
import { columns } from '../columns.ts'
import { imagesNamedIn, imagesOf, type LabImage, loadedImages, megabytes, renames, withDigests } from '../images.ts'
import { withProgress } from '../progress.ts'
import { refuseUnknownServices } from '../services.ts'

/** Returns an image's name without its digest. */
const tagOnly = (image: string) => image.replace(/@.*$/, '')

interface SizedImage extends LabImage {
  /** Returns undefined if the image is not on this machine. */
  bytes?: number
}

export function register(program: Command): void {
  const images = program
    .command('images')
    .description('list the images of the lab, save them to a file, or load them from a file')
    .addHelpText('after', examples('./lab images list', './lab images save lab.tar', './lab images load lab.tar && ./lab up --offline'))
  images
    .command('list', { isDefault: true })
    .description('list every image with its size, including all profiles and the scaler')
    .option('--json', 'print one JSON document')
    .action(list)
  images
    .command('save')
    .description('save the images to one file, with docker save')
    .argument('<file>', 'path of the file, which is overwritten')
    .argument('[services...]', 'save only the images of these services')
    .option('--present', 'omit images that are not on this machine, instead of failing')
    .action(save)
  images
    .command('pin')
    .description('request digests from the registries and append them to the tags in the Compose files and Dockerfiles')
    .option('--remove', 'remove the digests, because images that were loaded from a file have none')
    .action(pin)
  images.command('load').description('load the images from a file').argument('<file>', 'a file written by ./lab images save').action(load)
}

async function list({ json = false }: { json?: boolean }): Promise<void> {
  const images = await sized(imagesOf(await model()))
  if (json) return printJson(images)
  const rows = images.map(({ image, services, bytes }) => [image, services.join(', '), bytes === undefined ? 'missing' : megabytes(bytes)])
  process.stdout.write(columns([['IMAGE', 'SERVICES', 'SIZE'], ...rows]))
}

async function save(file: string, only: string[], { present = false }: { present?: boolean }, command: Command): Promise<void> {
  const lab = await model()
  refuseUnknownServices(only, Object.keys(lab.services), command)
  const images = await sized(imagesOf(lab, only))
  const missing = images.filter(({ bytes }) => bytes === undefined).map(({ image }) => image)
  if (missing.length > 0 && !present) {
    const lines = allImagesCommands().map((command) => typed(command, process.platform))
    throw new LabError(
      `not on this machine: ${missing.join(', ')}. To save only the others, use --present. To download these:\n${lines.join('\n')}`,
    )
  }
  for (const image of missing) say(`omitted, not on this machine: ${image}`)
  const here = images.filter(({ bytes }) => bytes !== undefined)
  if (here.length === 0) throw new LabError('none of the images is on this machine')
  const path = resolve(file)
  const most = here.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  // An image that was pulled by digest has no tag, and an image that was saved without a tag has no name after it is loaded.
  for (const { image } of here.filter(({ image }) => image.includes('@'))) await docker(['tag', image, tagOnly(image)])
  const names = here.map(({ image }) => tagOnly(image))
  show({ args: ['save', '-o', file, ...names] })
  const written = await saveTo(path, names, most)
  process.stdout.write(columns(here.map(({ image, bytes = 0 }) => [image, megabytes(bytes)])))
  process.stdout.write(`${file}: ${megabytes(written)}, ${here.length} images\n`)
}

/**
 * Saves images to a file, and deletes the incomplete file if saving fails.
 * Resolves with the size of the saved file, which is smaller than the sum of the image sizes because images share layers.
 */
async function saveTo(path: string, names: readonly string[], most: number): Promise<number> {
  const part = `${path}.part`
  await counted(`Saving ${names.length} images, at most ${megabytes(most)}`, most, async (counter) => {
    try {
      const { exitCode, stderr } = await dockerStreams(['save', ...names], ({ output }) =>
        pipeline(output, counter, createWriteStream(part)),
      )
      if (exitCode !== 0) throw new LabError(`docker save: ${stderr}`)
      await rename(part, path)
    } catch (error) {
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
    const { exitCode, stderr } = await dockerStreams(['load'], async ({ input, output }) => {
      output.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      // Docker may close its input before it has read the entire file.
      await pipeline(createReadStream(path), counter, input).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
      })
    })
    if (exitCode !== 0) throw new LabError(`docker load: ${stderr.trim() || `ended with ${exitCode}`}`)
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
  const pinned = missing.some(({ image }) => image.includes('@')) ? '; loaded images have no digest, so run: ./lab images pin --remove' : ''
  say(
    missing.length === 0
      ? 'All images are on this machine: ./lab up --offline'
      : `still missing: ${missing.map(({ image }) => image).join(', ')}${pinned}`,
  )
}

const filesWithImages = ['compose*.yaml', 'services/*.yaml', '{scaler,services/*}/Dockerfile']

/**
 * Adds digests to the image names in the Compose files and Dockerfiles, or removes the digests. If a registry does not respond, the image's
 * digest remains unchanged and the command exits with code 1.
 */
async function pin({ remove = false }: { remove?: boolean }): Promise<void> {
  const files = globSync(filesWithImages, { cwd: root }).map((file) => ({
    path: join(root, file),
    text: readFileSync(join(root, file), 'utf8'),
  }))
  const digests = new Map<string, string>()
  const named = remove ? [] : [...new Set(files.flatMap(({ text }) => imagesNamedIn(text)))].sort()
  for (const image of named) {
    // buildx ignores --format for images that are not an index, so the digest is parsed from the plain output.
    const ran = await tryDocker(['buildx', 'imagetools', 'inspect', image])
    const [, digest] = /^Digest:\s+(sha256:[0-9a-f]{64})$/m.exec(ran.stdout) ?? []
    if (ran.exitCode === 0 && digest !== undefined) digests.set(image, digest)
    else say(`${image}: not changed: ${whyFailed(ran, 60)}`)
  }
  for (const { path, text } of files) {
    const changed = withDigests(text, (image, before) => (remove ? undefined : (digests.get(image) ?? before)))
    if (changed !== text) writeFileSync(path, changed)
  }
  process.stdout.write(
    remove ? 'No image has a digest any more.\n' : `${digests.size} of ${named.length} images now have the digest of their registry.\n`,
  )
  if (digests.size < named.length) process.exitCode = 1
}

/** Transfers images and shows the progress. @param total upper bound for the number of bytes to transfer */
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
            // Ten progress lines are enough in a log file.
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
