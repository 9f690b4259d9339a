/**
 * Triggers every alert once on the running lab. Each alert must fire in Alertmanager and at the alert receiver, and resolve in both after
 * the fault is undone. The tests inject real faults and leave the alert rules unchanged, except for the 15-minute delay of RolloutStuck.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { paths, services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { docker } from '@lab/host/docker.ts'
import { evaluateInContainer } from '@lab/host/inside/debugger.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readRules, ruleFiles } from '../repo/lib/expressions.ts'
import { query, replicasUp } from '../stack/lib/prometheus.ts'
import type { TestSocket } from '../stack/lib/socket.ts'
import { compose, containerName } from '../stack/lib/stack.ts'
import { again, closeAll, cookieOf, knock, openOn } from './lib/clients.ts'
import { comeAndGo, scaleTo } from './lib/come-and-go.ts'
import { type Begin, catalogued, type Late, provoke, provoked, seenFiring, writeReport } from './lib/provocation.ts'
import { fromRoot, maxConnections, prometheusFolder, replicas } from './lib/settings.ts'
import { type AlertWatch, type Labels, watchAlerts } from './lib/watch.ts'

const stack = inject('stack')
let watch: AlertWatch
/** Unix timestamps, in milliseconds, of the start of the tests and of the faults. */
const bootedMs = Date.now()
let faultsMs = bootedMs
/** The time at which the lab first had one more replica than at the start of the tests. */
let oneMoreMs = bootedMs

const burns = (slo: string): Labels[] =>
  ['ErrorBudgetBurnFast', 'ErrorBudgetBurnSlow'].map((alertname) => ({ alertname, slo, clock: 'lab' }))
const [connect, drops, messages] = [burns('connect'), burns('drops'), burns('messages')]
const flapping: Labels = { alertname: 'ScalerFlapping' }
const late: Late = { alerts: [...connect, ...drops, ...messages, flapping], ends: [] }

beforeAll(async () => {
  watch = watchAlerts(stack)
  await until('every replica is scraped', async () => (await replicasUp(stack)).length === replicas, { withinMs: 60_000 })
  const known = `${scalerMetrics.statusCurrentReplicas.name} == ${replicas}`
  await until('the scaler is scraped', async () => (await query(stack, known)).length === 1, { withinMs: 60_000 })
})

afterAll(async () => {
  await watch.stop()
  console.log(`\n${writeReport()}\n`)
})

describe.concurrent('independent faults', () => {
  beforeAll(() => {
    faultsMs = Date.now()
  })

  test('Watchdog arrives', async () => {
    const labels = { alertname: 'Watchdog' }
    await seenFiring(watch, {
      fault: 'none: it always fires',
      labels,
      sinceMs: bootedMs,
      withinMs: 90_000,
      note: 'never: that is its work',
    })
  })

  test('full replicas, while clients keep connecting', async () => {
    const cookie = await cookieOf(stack, 'ws-1')
    const most = Math.ceil(maxConnections * 0.85)
    const open =
      (count: number): Begin =>
      async (undo) => {
        const sockets = await openOn(stack, 'ws-1', count)
        undo(() => closeAll(sockets))
      }
    const fillUp = {
      fault: 'all sockets that the replica accepts, and four more handshakes per second',
      alerts: [{ alertname: 'ConnectionsAtLimit', replica: 'ws-1' }, ...connect],
      begin: async (undo: Parameters<Begin>[0]) => {
        await open(maxConnections - most)(undo)
        undo(again(250, () => knock(stack, paths.ws, { cookie })))
      },
    }
    const nearlyFull = {
      fault: `${most} of ${maxConnections} sockets on one replica`,
      alerts: [{ alertname: 'ConnectionsNearLimit', replica: 'ws-1' }],
      begin: open(most),
      meanwhile: () => provoke(watch, fillUp, late),
    }
    await provoke(watch, nearlyFull, late)
  })

  test('a repeatedly blocked event loop, while clients send messages', async () => {
    await provoke(
      watch,
      {
        fault: 'busy, with three clients that send messages',
        alerts: [{ alertname: 'EventLoopLagHigh', replica: 'ws-2' }, { alertname: 'MessageLatencyHigh' }, ...messages],
        begin: async (undo) => {
          const sockets = await openOn(stack, 'ws-2', 3)
          undo(() => closeAll(sockets))
          await catalogued(stack, 'busy', 'ws-2')(undo)
          const send = () => {
            for (const socket of sockets) socket.send({ type: 'message', data: 'how long?', time: Date.now() })
          }
          undo(again(200, send))
        },
      },
      late,
    )
  })

  test('a replica that uses almost all of its memory', async () => {
    await provoke(watch, {
      fault: 'memory',
      alerts: [{ alertname: 'MemoryHigh', replica: 'ws-4' }],
      begin: catalogued(stack, 'memory', 'ws-4'),
    })
  })

  test('handshakes on an unknown path', async () => {
    await provoke(watch, {
      fault: 'four handshakes per second on a path that does not exist',
      alerts: [{ alertname: 'ConnectFailures' }],
      begin: async (undo) => undo(again(250, () => knock(stack, '/ws/nothing/here'))),
    })
  })

  test('connections without a close frame', async () => {
    await provoke(
      watch,
      {
        fault: 'two sockets per second are cut without a close frame',
        alerts: [{ alertname: 'UnexplainedDrops' }, ...drops],
        begin: async (undo) => {
          const cookie = await cookieOf(stack, 'ws-4')
          undo(again(500, () => knock(stack, paths.ws, { cookie, cut: true })))
        },
      },
      late,
    )
  })

  test('invalid messages', async () => {
    await provoke(watch, {
      fault: 'thirty frames per second that are not JSON',
      alerts: [{ alertname: 'ErrorRateHigh' }],
      begin: async (undo) => {
        const [socket] = await openOn(stack, 'ws-4', 1)
        undo(() => socket?.close())
        const send = () => {
          for (let i = 0; i < 3; i++) socket?.send('not JSON')
        }
        undo(again(100, send))
      },
    })
  })

  test('an unavailable store', async () => {
    await provoke(watch, {
      fault: 'valkey-down',
      alerts: [
        { alertname: 'DependencyDown', replica: 'ws-1', dependency: 'rooms' },
        { alertname: 'DependencyDown', replica: 'ws-1', dependency: 'sessions' },
      ],
      begin: catalogued(stack, 'valkey-down'),
    })
  })

  test('an invalid configuration file', async () => {
    await provoke(watch, {
      fault: 'Prometheus reloads a file that is not YAML',
      alerts: [{ alertname: 'ConfigReloadFailed', job: 'prometheus' }],
      begin: async (undo) => {
        const file = fromRoot(`${prometheusFolder}/prometheus.yml`)
        const good = await readFile(file, 'utf8')
        const reload = () => compose(stack, ['kill', '--signal', 'HUP', services.prometheus])
        undo(async () => {
          await writeFile(file, good)
          await reload()
        })
        await writeFile(file, `${good}\nscrape_configs: [`)
        await reload()
      },
    })
  })

  test('replicas that are killed, do not finish their drain, or are not discovered by Traefik', async () => {
    await provoke(
      watch,
      {
        fault: 'replicas are killed, drained and added',
        alerts: [flapping],
        firesWithinSeconds: 120,
        begin: async () => {
          oneMoreMs = await comeAndGo(stack, watch)
        },
      },
      late,
    )
  })
})

// This test also separates the concurrent groups before and after it, which would otherwise run at the same time.
test('one replica was added', async () => {
  expect(await replicasUp(stack)).toHaveLength(replicas + 1)
})

describe.concurrent('faults while the number of replicas does not change', () => {
  test('a replica with high CPU usage', async () => {
    await provoke(watch, {
      fault: 'a debugger starts three threads with endless loops',
      alerts: [{ alertname: 'CpuHigh', replica: 'ws-3' }],
      firesWithinSeconds: 300,
      begin: async (undo) => {
        const container = containerName(stack, 'ws-3')
        // Raises the container's CPU shares and starts several threads, to push the replica to its one-core limit. With fewer CPU shares or
        // a single thread, the replica might not reach its one-core limit on a busy machine.
        await docker(['update', '--cpu-shares', '4096', container])
        const threads = "const { Worker } = process.getBuiltinModule('node:worker_threads')"
        undo(() => evaluateInContainer(container, 'for (const thread of globalThis.spinning ?? []) void thread.terminate(); 0'))
        await evaluateInContainer(
          container,
          `${threads}; globalThis.spinning = [1, 2, 3].map(() => new Worker('for (;;) {}', { eval: true })); 0`,
        )
      },
    })
  })

  test('a paused scaler, and then more load than the maximum number of replicas can serve', async () => {
    const names = Array.from({ length: replicas + 1 }, (_, i) => `ws-${i + 1}`)
    let sockets: TestSocket[] = []
    let loadedMs = Number.NaN
    const load = async () => {
      loadedMs = Date.now()
      sockets = (await Promise.all(names.map((name) => openOn(stack, name, 15)))).flat()
    }
    await provoke(watch, {
      fault: 'one replica more than the load needs; the scaler is paused',
      alerts: [{ alertname: 'ScalerStuck' }],
      sinceMs: oneMoreMs,
      firesWithinSeconds: 300,
      // The load itself is the fault, so ending the load undoes the fault.
      begin: async (undo) => undo(load),
    })
    await provoke(watch, {
      fault: `${names.length * 15} sockets on the maximum number of replicas`,
      alerts: [{ alertname: 'ScalerAtMaximum' }],
      sinceMs: loadedMs,
      begin: async (undo) => undo(() => closeAll(sockets)),
    })
  })
})

test('all replicas hang', async () => {
  await provoke(watch, {
    fault: 'pause-all',
    alerts: [{ alertname: 'NoReplica' }, { alertname: 'ReplicaDown', replica: 'ws-1' }, { alertname: 'ScalerBlind' }],
    begin: catalogued(stack, 'pause-all'),
  })
})

test('Prometheus cannot reach its targets', async () => {
  await provoke(watch, {
    fault: 'scrape-gap',
    alerts: [
      { alertname: 'TargetDown', job: 'scaler' },
      { alertname: 'TargetDown', job: 'kube-state-metrics' },
      { alertname: 'ScalerSilent' },
    ],
    begin: catalogued(stack, 'scrape-gap'),
  })
})

test('service level alerts with the real clock also fire; the test does not wait for their long windows', async () => {
  for (const slo of ['connect', 'drops', 'messages']) {
    for (const alertname of ['ErrorBudgetBurnFast', 'ErrorBudgetBurnSlow']) {
      const labels = { alertname, slo, clock: 'real' }
      await seenFiring(watch, {
        fault: 'the same fault as with clock=lab',
        labels,
        sinceMs: faultsMs,
        withinMs: 30_000,
        note: 'not waited for: 30 min or 6 h',
      })
    }
  }
})

test('replicas of one colour that stay at two versions', async () => {
  const count = (await replicasUp(stack)).length
  await provoke(watch, {
    fault: 'a replica of another version is added, and the others are not replaced',
    alerts: [{ alertname: 'RolloutStuck', colour: 'blue' }],
    firesWithinSeconds: 120,
    begin: async (undo) => {
      const file = fromRoot(`${prometheusFolder}/rules/lab.rules.yaml`)
      const rules = await readFile(file, 'utf8')
      const reload = () => compose(stack, ['kill', '--signal', 'HUP', services.prometheus])
      undo(() => scaleTo(stack, count))
      undo(async () => {
        await writeFile(file, rules)
        await reload()
      })
      const shorter = rules.replace(/(alert: RolloutStuck\n.*\n\s*for: )15m/, (_, start: string) => `${start}10s`)
      expect(shorter).not.toBe(rules)
      await writeFile(file, shorter)
      await reload()
      await scaleTo({ ...stack, env: { ...stack.env, LAB_VERSION: 'other' } }, count + 1)
    },
  })
})

test('a drained replica does not cause ReplicaLost', async () => {
  const names = await replicasUp(stack)
  const leaving = names.at(-1) ?? ''
  await openOn(stack, leaving, 3)
  await scaleTo(stack, names.length - 1)
  // The ReplicaLost alert uses a range of one minute.
  // After one minute without samples from the removed replica, ReplicaLost can no longer fire for it.
  const forgotten = `absent_over_time(${metrics.replicaState.name}{replica="${leaving}"}[1m])`
  await until(`${leaving} forgotten`, async () => (await query(stack, forgotten)).length === 1, { withinMs: 180_000, everyMs: 1000 })
  expect(await query(stack, `max_over_time(ALERTS{alertname="ReplicaLost", replica="${leaving}"}[3m])`)).toEqual([])
})

test('the late alerts have resolved', async () => {
  const ended = await Promise.allSettled(late.ends.map((end) => end(600_000)))
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([])
}, 660_000)

test('every alert of the rules has been provoked', () => {
  const names = ruleFiles.flatMap(readRules).flatMap(({ alert }) => (alert === undefined ? [] : [alert]))
  expect(provoked()).toEqual([...new Set(names)].sort())
})
