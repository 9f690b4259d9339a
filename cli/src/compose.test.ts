/** The docker lines behind the commands. */
import { describe, expect, test } from 'vitest'
import { type DockerCommand, downCommand, loadCommand, logsCommand, nukeCommand, scaleCommand, typed, upCommand } from './compose.ts'

const line = (command: DockerCommand, platform: NodeJS.Platform = 'linux') => typed(command, platform)
const both = '-f compose.yaml -f compose.k8s-sim.yaml'

describe('up', () => {
  const timeoutSeconds = 180

  test('is the line of the README, with a bound', () => {
    expect(line(upCommand({ timeoutSeconds }, ''))).toBe('docker compose up -d --build --wait --wait-timeout 180')
  })

  test('brings the scaler with its overlay', () => {
    expect(line(upCommand({ timeoutSeconds, k8sSim: true }, ''))).toContain(`docker compose ${both} up -d`)
  })

  test('turns profiles on by the variable, beside those that are on', () => {
    const command = upCommand({ timeoutSeconds, logging: true, tracing: true }, 'tracing')
    expect(line(command)).toMatch(/^COMPOSE_PROFILES=tracing,logging docker compose up /)
    expect(line(command, 'win32')).toMatch(/^\$env:COMPOSE_PROFILES="tracing,logging"; docker compose up /)
    expect(upCommand({ timeoutSeconds, tracing: true }, 'tracing').env).toEqual({})
  })

  test('offline, builds and pulls nothing', () => {
    const args = upCommand({ timeoutSeconds, offline: true, without: ['grafana'] }, '').args.join(' ')
    expect(args).toContain('--no-build --pull never')
    expect(args).not.toContain('--build ')
    expect(args).toMatch(/--scale grafana=0$/)
  })
})

describe('scale', () => {
  test('leaves every other service and every old replica alone', () => {
    expect(line(scaleCommand(5, new Set(), ''))).toBe('docker compose up -d --no-deps --no-recreate --no-build --scale ws=5 ws')
  })

  test('makes new replicas like the old ones: with the overlay and the profiles that run', () => {
    const command = scaleCommand(2, new Set(['scaler', 'loki']), '')
    expect(line(command)).toBe(`COMPOSE_PROFILES=logging docker compose ${both} up -d --no-deps --no-recreate --no-build --scale ws=2 ws`)
  })
})

test('load gives k6 what was asked for and nothing else', () => {
  expect(line(loadCommand({ sockets: 1000, duration: 90 }, new Set(['ws'])))).toBe(
    'docker compose run --rm -e SOCKETS=1000 -e DURATION=90 k6',
  )
  const command = loadCommand({ scenario: 'spike', short: true, seed: 0, owner: { uid: 1000, gid: 100 } }, new Set(['scaler']))
  expect(line(command)).toBe(`LAB_UID=1000 LAB_GID=100 docker compose ${both} run --rm -e SCENARIO=spike -e SEED=0 -e SHORT=1 k6`)
})

test('logs, down and nuke mean every profile and the scaler', () => {
  const all = `docker compose ${both} --profile "*"`
  expect(line(logsCommand({ service: 'ws', follow: true, tail: '20' }))).toBe(`${all} logs -f --tail 20 ws`)
  expect(line(downCommand())).toBe(`${all} down --remove-orphans`)
  expect(line(nukeCommand({ pulled: false }))).toBe(`${all} down --volumes --remove-orphans --rmi local`)
  expect(line(nukeCommand({ pulled: true }))).toContain('--rmi all')
})

test('a line can be pasted', () => {
  expect(line({ args: ['a b', '$HOME', 'c'], env: { X: 'y z' } })).toBe('X="y z" docker "a b" "\\$HOME" c')
})
