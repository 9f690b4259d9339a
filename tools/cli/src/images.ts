/** Determines a lab's images and the tags that they need after a transfer to another machine. Pure. */
import type { Model } from '@lab/lab/compose/project.ts'

export interface LabImage {
  image: string
  services: string[]
  /** Whether the image is built from one of this project's Dockerfiles. */
  built: boolean
}

/** Returns the image that a service runs, including its tag. */
export function imageOf({ name, services }: Model, service: string): string {
  const image = services[service]?.image ?? `${name}-${service}`
  return /:[^/]+$/.test(image) ? image : `${image}:latest`
}

/**
 * Lists all images without duplicates, including those of all profiles and of the scaler.
 * @param only if not empty, limits the list to the given services
 */
export function imagesOf(model: Model, only: readonly string[] = []): LabImage[] {
  const wanted = Object.keys(model.services).filter((service) => only.length === 0 || only.includes(service))
  return [...Map.groupBy(wanted, (service) => imageOf(model, service))]
    .map(([image, services]) => ({ image, services, built: services.some((service) => model.services[service]?.build !== undefined) }))
    .sort((a, b) => a.image.localeCompare(b.image))
}

/** Parses image names from the output of `docker load`. */
export function loadedImages(text: string): string[] {
  return [...text.matchAll(/^Loaded image: (\S+)$/gm)].map(([, image = '']) => image)
}

/**
 * Computes the tags that must be added to images after loading them. The name of a built image contains the name of the Compose project
 * that built it.
 */
export function renames(model: Model, loaded: readonly string[]): { from: string; to: string }[] {
  return imagesOf(model)
    .filter(({ built }) => built)
    .flatMap(({ image, services }) => {
      const found = loaded.find((one) => services.some((service) => one.endsWith(`-${service}:latest`)))
      return found && !loaded.includes(image) ? [{ from: found, to: image }] : []
    })
}

/** Formats a size in decimal megabytes (10^6 bytes). */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString('en')} MB`
}

const reference = /^(\s*image:\s*|FROM\s+)((?:[\w.-]+:\d+\/)?[a-z0-9._/-]+:[\w.-]+)(?:@(sha256:[0-9a-f]{64}))?/gm

/** Lists the tagged images in a Compose file or a Dockerfile, without their digests. */
export function imagesNamedIn(text: string): string[] {
  return [...text.matchAll(reference)].map(([, , image = '']) => image)
}

/**
 * Adds a digest to each image tag in a Compose file or a Dockerfile, or removes the digests.
 * @param digestOf returns the new digest (sha256:…) for an image and its current digest; if it returns undefined, the digest is removed
 */
export function withDigests(text: string, digestOf: (image: string, before?: string) => string | undefined): string {
  return text.replaceAll(reference, (_whole, before: string, image: string, old?: string) => {
    const digest = digestOf(image, old)
    return `${before}${image}${digest === undefined ? '' : `@${digest}`}`
  })
}
