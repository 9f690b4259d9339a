/** Tests how scaling operations that Compose left incomplete are completed. */
import { describe, expect, test } from 'vitest'
import type { DockerCommand } from './compose.ts'
import type { Ran } from './docker.ts'
import { type Container, pausedHint, scalingProblem, unstartedAmong } from './replicas.ts'
import { finishScaling } from './scaling.ts'

type Status = Container['State']['Status']

function container(number: number, Status: Status): Container {
  return {
    Id: `id${number}`,
    Name: `/lab-ws-${number}`,
    Image: 'sha256:1',
    Created: '2026-01-01T00:00:00Z',
    RestartCount: 0,
    Config: { Labels: { 'com.docker.compose.container-number': String(number) } },
    State: { Status, ExitCode: 0, StartedAt: '2026-01-01T00:00:00Z' },
  }
}

const containers = (...states: Status[]): Container[] => states.map((state, i) => container(i + 1, state))
const ran = (exitCode: number, stderr = ''): Ran => ({ exitCode, stdout: '', stderr, missing: false, timedOut: false, stopped: false })

describe('the state of the containers', () => {
  test('containers that were only created count as replicas that are not started', () => {
    const some = containers('running', 'created', 'paused', 'exited', 'restarting', 'removing', 'dead', 'created')
    expect(unstartedAmong(some).map(({ Id }) => Id)).toEqual(['id2', 'id8'])
    expect(scalingProblem(some, 5)).toBe(
      'created, but not started: ws-2, ws-8; ws-3 is paused and serves no client; to resume: docker unpause lab-ws-3',
    )
  })

  test('a wrong number of replicas is reported, with the paused ones', () => {
    expect(scalingProblem(containers('running', 'paused', 'exited'), 2)).toBeNull()
    expect(scalingProblem(containers('running', 'exited'), 2)).toBe('there are 1 replicas instead of 2')
    expect(scalingProblem(containers('paused', 'paused'), 3)).toBe(
      'there are 2 replicas instead of 3; ws-1, ws-2 are paused and serve no client; to resume: docker unpause lab-ws-1 lab-ws-2',
    )
    expect(pausedHint(containers('running', 'created'))).toBeNull()
  })
})

describe('after Compose has failed', () => {
  /** Simulates Docker with the given containers; `starts` determines which of the created containers can be started. */
  function docker(given: Container[], starts: (container: Container) => boolean = () => true) {
    const asked: DockerCommand[] = []
    let now = given
    const run = async (command: DockerCommand) => {
      asked.push(command)
      now = now.map((one) => (command.args.includes(one.Id) && starts(one) ? container(Number(one.Id.slice(2)), 'running') : one))
      return now.some(({ State }) => State.Status === 'created') ? ran(1, 'Error response from daemon: no such image') : ran(0)
    }
    return { asked, run, list: async () => now }
  }
  const why = 'docker compose up: cannot start a paused container, try unpause instead'

  test('created replicas are started, and paused ones are reported', async () => {
    const { asked, ...engine } = docker(containers('running', 'paused', 'created', 'created'))
    expect(await finishScaling({ wanted: 4, why, ...engine })).toBe(
      'ws-2 is paused and serves no client; to resume: docker unpause lab-ws-2',
    )
    expect(asked).toEqual([{ args: ['start', 'id3', 'id4'] }])
  })

  test('nothing is done if the replicas are as wanted', async () => {
    const { asked, ...engine } = docker(containers('running', 'running'))
    expect(await finishScaling({ wanted: 2, why: null, ...engine })).toBeNull()
    expect(asked).toEqual([])
  })

  test('a failure names the replica, the cause and what to do', async () => {
    const { asked: _, ...engine } = docker(containers('running', 'paused', 'created', 'created'), ({ Id }) => Id === 'id3')
    await expect(finishScaling({ wanted: 4, why, ...engine })).rejects.toThrow(
      'created, but not started: ws-4; ws-2 is paused and serves no client; to resume: docker unpause lab-ws-2; docker start: Error response from daemon: no such image',
    )
    await expect(finishScaling({ wanted: 3, why, ...docker(containers('paused')) })).rejects.toThrow(
      /^there are 1 replicas instead of 3; ws-1 is paused.*; docker compose up: /,
    )
    await expect(finishScaling({ wanted: 3, why: null, ...docker(containers('running')) })).rejects.toThrow(
      /^there are 1 replicas instead of 3$/,
    )
  })
})
