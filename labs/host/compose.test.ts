/** Tests the docker commands that the lab's commands run. */
import { describe, expect, test } from 'vitest'
import {
  type DockerCommand,
  downCommand,
  loadCommand,
  logsCommand,
  nukeCommand,
  scaleCommand,
  startedWith,
  typed,
  upCommand,
} from './compose.ts'

const line = (command: DockerCommand, platform: NodeJS.Platform = 'linux') => typed(command, platform)
const both = '-f compose.yaml -f compose.k8s-sim.yaml'

describe('up', () => {
  const timeoutSeconds = 180

  test('is the command of the README, with a time limit', () => {
    expect(line(upCommand({ timeoutSeconds }, ''))).toBe('docker compose up -d --build --wait --wait-timeout 180')
  })

  test('adds the overlay of the scaler', () => {
    expect(line(upCommand({ timeoutSeconds, k8sSim: true }, ''))).toContain(`docker compose ${both} up -d`)
  })

  test('adds profiles to COMPOSE_PROFILES without removing enabled ones', () => {
    const command = upCommand({ timeoutSeconds, logging: true, tracing: true }, 'tracing')
    expect(line(command)).toMatch(/^COMPOSE_PROFILES=tracing,logging docker compose up /)
    expect(line(command, 'win32')).toMatch(/^\$env:COMPOSE_PROFILES="tracing,logging"; docker compose up /)
    expect(upCommand({ timeoutSeconds, tracing: true }, 'tracing').env).toEqual({})
  })

  test('builds and pulls nothing when offline', () => {
    const args = upCommand({ timeoutSeconds, offline: true, only: ['traefik', 'ws'] }, '').args.join(' ')
    expect(args).toContain('--no-build --pull never')
    expect(args).not.toContain('--build ')
    expect(args).toMatch(/ traefik ws$/)
    expect(args).not.toContain('--scale')
  })
})

describe('scale', () => {
  test('changes no other service and no existing replica', () => {
    expect(line(scaleCommand({ replicas: 5, files: [], env: {} }))).toBe(
      'docker compose up -d --no-deps --no-recreate --no-build --scale ws=5 ws',
    )
  })

  test('creates new replicas with the overlay and the profiles of the running lab', () => {
    const command = scaleCommand({ replicas: 2, ...startedWith(new Set(['scaler', 'loki']), '') })
    expect(line(command)).toBe(`COMPOSE_PROFILES=logging docker compose ${both} up -d --no-deps --no-recreate --no-build --scale ws=2 ws`)
  })
})

test('load passes only the given settings to k6', () => {
  expect(line(loadCommand({ sockets: 1000, duration: 90 }, startedWith(new Set(['ws']), '')))).toBe(
    'docker compose run --rm -e SOCKETS=1000 -e DURATION=90 k6',
  )
  const command = loadCommand(
    { scenario: 'spike', short: true, seed: 0, owner: { uid: 1000, gid: 100 } },
    startedWith(new Set(['scaler']), ''),
  )
  expect(line(command)).toBe(`LAB_UID=1000 LAB_GID=100 docker compose ${both} run --rm -e SCENARIO=spike -e SEED=0 -e SHORT=1 k6`)
})

test('logs, down and nuke include every profile and the scaler', () => {
  const all = `docker compose ${both} --profile "*"`
  expect(line(logsCommand({ services: ['ws'], follow: true, tail: '20' }))).toBe(`${all} logs -f --tail 20 ws`)
  expect(line(downCommand())).toBe(`${all} down --remove-orphans`)
  expect(line(nukeCommand({ pulled: false }))).toBe(`${all} down --volumes --remove-orphans --rmi local`)
  expect(line(nukeCommand({ pulled: true }))).toContain('--rmi all')
})

test('a printed command can be pasted into a shell', () => {
  expect(line({ args: ['a b', '$HOME', 'c'], env: { X: 'y z' } })).toBe('X="y z" docker "a b" "\\$HOME" c')
})
