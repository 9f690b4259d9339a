/** The lab as Compose sees it: its model, and its containers. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { defaultStateFolder } from '../../scaler/src/decision-log.ts'
import { configCommand, psCommand } from './compose.ts'
import { docker, root } from './docker.ts'

const publishedPort = z.object({ target: z.coerce.number(), published: z.coerce.number() })

const modelSchema = z.object({
  name: z.string(),
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      build: z.unknown().optional(),
      profiles: z.array(z.string()).default([]),
      ports: z.array(publishedPort).default([]),
    }),
  ),
})

/** Project name and services, with every variable filled in. */
export type Model = z.infer<typeof modelSchema>

const containerSchema = z.object({
  Name: z.string(),
  Service: z.string(),
  State: z.string(),
  Health: z.string().default(''),
  Status: z.string().default(''),
  Image: z.string().default(''),
  Publishers: z.array(z.object({ TargetPort: z.number(), PublishedPort: z.number() })).nullish(),
})

/** A container of the project. */
export interface LabContainer {
  name: string
  service: string
  /** running, exited, … */
  state: string
  /** healthy, starting, unhealthy, or empty. */
  health: string
  /** As docker ps words it. */
  status: string
  published: { target: number; port: number }[]
}

/** @throws an Error where the text is not what `docker compose config --format json` prints */
export function readModel(text: string): Model {
  return modelSchema.parse(JSON.parse(text))
}

/** The model of all services, overlay and profiles included. */
export async function model(): Promise<Model> {
  return readModel(await docker(configCommand()))
}

/** Reads `docker compose ps --format json`: an object a line, or, in some versions, one array. */
export function readContainers(text: string): LabContainer[] {
  const trimmed = text.trim()
  const values: unknown[] = trimmed.startsWith('[')
    ? JSON.parse(trimmed)
    : trimmed
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
  return values
    .map((value) => containerSchema.parse(value))
    .map(({ Name, Service, State, Health, Status, Publishers }) => ({
      name: Name,
      service: Service,
      state: State,
      health: Health,
      status: Status,
      published: (Publishers ?? [])
        .filter(({ PublishedPort }) => PublishedPort > 0)
        .map(({ TargetPort, PublishedPort }) => ({ target: TargetPort, port: PublishedPort })),
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** Every container of the project, stopped ones included. */
export async function labContainers(): Promise<LabContainer[]> {
  return readContainers(await docker(psCommand()))
}

/** Services of which a container runs. */
export async function runningServices(): Promise<Set<string>> {
  const running = (await labContainers()).filter(({ state }) => state === 'running')
  return new Set(running.map(({ service }) => service))
}

/** The profiles that are on already, by the environment; a command begins by reading .env into it. */
export function profilesOn(): string {
  return process.env.COMPOSE_PROFILES ?? ''
}

/** The folder of the scaler's decision log and pause file. */
export function scalerState(): string {
  return resolve(root, process.env.SCALER_STATE || defaultStateFolder)
}
