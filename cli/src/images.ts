/** Which images a lab is made of, and how they keep their names when they travel. Pure. */
import type { Model } from './project.ts'

export interface LabImage {
  image: string
  services: string[]
  /** Made here, from a Dockerfile. */
  built: boolean
}

/** The image that a service runs, with its tag. */
export function imageOf({ name, services }: Model, service: string): string {
  const image = services[service]?.image ?? `${name}-${service}`
  return /:[^/]+$/.test(image) ? image : `${image}:latest`
}

/** Every image, of all profiles and of the scaler, each once. @param only services whose images are meant; none means all */
export function imagesOf(model: Model, only: readonly string[] = []): LabImage[] {
  const wanted = Object.keys(model.services).filter((service) => only.length === 0 || only.includes(service))
  return [...Map.groupBy(wanted, (service) => imageOf(model, service))]
    .map(([image, services]) => ({ image, services, built: services.some((service) => model.services[service]?.build !== undefined) }))
    .sort((a, b) => a.image.localeCompare(b.image))
}

/** What `docker load` says it has loaded. */
export function loadedImages(text: string): string[] {
  return [...text.matchAll(/^Loaded image: (\S+)$/gm)].map(([, image = '']) => image)
}

/** Built images carry the name of the project they were built in: the names that they need in this one. */
export function renames(model: Model, loaded: readonly string[]): { from: string; to: string }[] {
  return imagesOf(model)
    .filter(({ built }) => built)
    .flatMap(({ image, services }) => {
      const found = loaded.find((one) => services.some((service) => one.endsWith(`-${service}:latest`)))
      return found && !loaded.includes(image) ? [{ from: found, to: image }] : []
    })
}

/** A size as people say it. @param bytes 10^6 are a MB */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString('en')} MB`
}
