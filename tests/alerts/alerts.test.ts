/**
 * Every alert, provoked once on the running lab: firing in Alertmanager and at the receiver, the fault undone, and over in both.
 * What the replicas do is not simulated; see each fault. The rules are those that ship, with the windows they have.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paths, services } from '../../contract/src/endpoints.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { scalerMetrics } from '../../contract/src/scaler-metrics.ts'
import { readRules, ruleFiles } from '../repo/lib/expressions.ts'
import { docker } from '../stack/lib/docker.ts'
import { query, replicasUp } from '../stack/lib/prometheus.ts'
import type { TestSocket } from '../stack/lib/socket.ts'
import { compose, containerName, containers, url } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { again, closeAll, cookieOf, knock, openOn } from './lib/clients.ts'
import { comeAndGo, scaleTo } from './lib/come-and-go.ts'
import { collectGarbage, evaluate } from './lib/debugger.ts'
import { type Late, provoke, provoked, seenFiring, writeReport } from './lib/provocation.ts'
import { fromRoot, maxConnections, prometheusFolder, replicas } from './lib/settings.ts'
import { type AlertWatch, type Labels, watchAlerts } from './lib/watch.ts'

const stack = inject('stack')
let watch: AlertWatch
/** When the tests began, and the faults. Milliseconds of Unix time. */
const bootedMs = Date.now()
let faultsMs = bootedMs
/** Since when there has been one replica more than at the start. */
let oneMoreMs = bootedMs

const replica = (name: string) => containerName(stack, name)
const idOf = async (service: string) => (await containers(stack, service))[0]?.Id ?? ''
const burns = (slo: string): Labels[] =>
  ['ErrorBudgetBurnFast', 'ErrorBudgetBurnSlow'].map((alertname) => ({ alertname, slo, clock: 'lab' }))
const [connect, drops, messages] = [burns('connect'), burns('drops'), burns('messages')]
const flapping: Labels = { alertname: 'ScalerFlapping' }
const late: Late = { alerts: [...connect, ...drops, ...messages, flapping], ends: [] }

beforeAll(async () => {
  watch = watchAlerts(stack)
  await until('every replica scraped', async () => (await replicasUp(stack)).length === replicas, 60_000)
  const known = `${scalerMetrics.statusCurrentReplicas.name} == ${replicas}`
  await until('the scaler scraped', async () => (await query(stack, known)).length === 1, 60_000)
})

afterAll(async () => {
  await watch.stop()
  console.log(`\n${writeReport()}\n`)
})

describe.concurrent('faults that do not disturb each other', () => {
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

  test('replicas that fill up, and clients that keep trying', async () => {
    const cookie = await cookieOf(stack, 'ws-1')
    const fill = (fault: string, count: number, alerts: Labels[], meanwhile?: () => Promise<void>, trying = false) =>
      provoke(
        watch,
        {
          fault,
          alerts,
          ...(meanwhile && { meanwhile }),
          begin: async () => {
            const sockets = await openOn(stack, 'ws-1', count)
            const stop = trying ? again(250, () => knock(stack, paths.ws, { cookie })) : () => undefined
            return async () => {
              stop()
              await closeAll(sockets)
            }
          },
        },
        late,
      )
    const most = Math.ceil(maxConnections * 0.85)
    const full = [{ alertname: 'ConnectionsAtLimit', replica: 'ws-1' }, ...connect]
    await fill(`${most} of ${maxConnections} sockets on one replica`, most, [{ alertname: 'ConnectionsNearLimit', replica: 'ws-1' }], () =>
      fill('as many sockets as it takes, and four more handshakes a second', maxConnections - most, full, undefined, true),
    )
  })

  test('an event loop that is blocked for 1.5 s again and again, by a debugger, while clients send', async () => {
    await provoke(
      watch,
      {
        fault: 'a debugger blocks the event loop for 1.5 s every 3.5 s; three clients send there',
        alerts: [{ alertname: 'EventLoopLagHigh', replica: 'ws-2' }, { alertname: 'MessageLatencyHigh' }, ...messages],
        begin: async () => {
          const sockets = await openOn(stack, 'ws-2', 3)
          const spin = 'const end = performance.now() + 1500; while (performance.now() < end);'
          await evaluate(replica('ws-2'), `globalThis.blocking = setInterval(() => { ${spin} }, 3500)`)
          const stop = again(200, () => {
            for (const socket of sockets) socket.send({ type: 'message', data: 'how long?', time: Date.now() })
          })
          return async () => {
            stop()
            await evaluate(replica('ws-2'), 'clearInterval(globalThis.blocking)')
            await closeAll(sockets)
          }
        },
      },
      late,
    )
  })

  test('a replica that keeps more and more', async () => {
    await provoke(watch, {
      fault: 'a debugger keeps 340 MiB',
      alerts: [{ alertname: 'MemoryHigh', replica: 'ws-4' }],
      begin: async () => {
        // Above the threshold by little: the debugger itself runs within the same limit.
        await evaluate(replica('ws-4'), 'globalThis.kept = Array.from({ length: 17 }, () => Buffer.alloc(20 * 2 ** 20, 1)); 0')
        return async () => {
          await evaluate(replica('ws-4'), 'delete globalThis.kept')
          await collectGarbage(replica('ws-4'))
        }
      },
    })
  })

  test('clients that ask for what is not there', async () => {
    await provoke(watch, {
      fault: 'four handshakes a second at a path that does not exist',
      alerts: [{ alertname: 'ConnectFailures' }],
      begin: async () => {
        const stop = again(250, () => knock(stack, '/ws/nothing/here'))
        return async () => stop()
      },
    })
  })

  test('connections that are cut', async () => {
    await provoke(
      watch,
      {
        fault: 'two sockets a second are cut without a close frame',
        alerts: [{ alertname: 'UnexplainedDrops' }, ...drops],
        begin: async () => {
          const cookie = await cookieOf(stack, 'ws-4')
          const stop = again(500, () => knock(stack, paths.ws, { cookie, cut: true }))
          return async () => stop()
        },
      },
      late,
    )
  })

  test('messages that are none', async () => {
    await provoke(watch, {
      fault: 'thirty frames a second that are not JSON',
      alerts: [{ alertname: 'ErrorRateHigh' }],
      begin: async () => {
        const [socket] = await openOn(stack, 'ws-4', 1)
        const stop = again(100, () => {
          for (let i = 0; i < 3; i++) socket?.send('not JSON')
        })
        return async () => {
          stop()
          await socket?.close()
        }
      },
    })
  })

  test('a store that is away', async () => {
    await provoke(watch, {
      fault: 'Valkey is stopped',
      alerts: [
        { alertname: 'DependencyDown', replica: 'ws-1', dependency: 'rooms' },
        { alertname: 'DependencyDown', replica: 'ws-1', dependency: 'sessions' },
      ],
      begin: async () => {
        const valkey = await idOf(services.valkey)
        await docker(['stop', valkey])
        return async () => void (await docker(['start', valkey]))
      },
    })
  })

  test('a configuration that cannot be read', async () => {
    await provoke(watch, {
      fault: 'Prometheus is told to reload a file that is not YAML',
      alerts: [{ alertname: 'ConfigReloadFailed', job: 'prometheus' }],
      begin: async () => {
        const file = fromRoot(`${prometheusFolder}/prometheus.yml`)
        const good = await readFile(file, 'utf8')
        const reload = async () => (await fetch(url(stack, 'PROMETHEUS_PORT', '/-/reload'), { method: 'POST' })).status
        await writeFile(file, `${good}\nscrape_configs: [`)
        expect(await reload()).toBe(500)
        return async () => {
          await writeFile(file, good)
          expect(await reload()).toBe(200)
        }
      },
    })
  })

  test('replicas that are killed, that do not finish their drain, that come unnoticed', async () => {
    await provoke(
      watch,
      {
        fault: 'replicas go and come: killed, drained, one more',
        alerts: [flapping],
        firesWithinSeconds: 120,
        begin: async () => {
          oneMoreMs = await comeAndGo(stack, watch)
          return async () => undefined
        },
      },
      late,
    )
  })
})

// Also keeps the two groups apart: what is concurrent and side by side runs at once.
test('there is now one replica more', async () => {
  expect(await replicasUp(stack)).toHaveLength(replicas + 1)
})

describe.concurrent('faults while the number of replicas does not change', () => {
  test('a replica that works its core hard', async () => {
    await provoke(watch, {
      fault: 'a debugger starts three threads that spin',
      alerts: [{ alertname: 'CpuHigh', replica: 'ws-3' }],
      firesWithinSeconds: 300,
      begin: async () => {
        // Its share of the machine, and more threads than its limit of one core lets run: others may be busy too.
        await docker(['update', '--cpu-shares', '4096', replica('ws-3')])
        const threads = "const { Worker } = process.getBuiltinModule('node:worker_threads')"
        await evaluate(
          replica('ws-3'),
          `${threads}; globalThis.spinning = [1, 2, 3].map(() => new Worker('for (;;) {}', { eval: true })); 0`,
        )
        return () => evaluate(replica('ws-3'), 'for (const thread of globalThis.spinning) void thread.terminate(); 0')
      },
    })
  })

  test('a scaler that may not act, and then more load than the most replicas carry', async () => {
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
      begin: async () => load,
    })
    await provoke(watch, {
      fault: `${names.length * 15} sockets on the most replicas there may be`,
      alerts: [{ alertname: 'ScalerAtMaximum' }],
      sinceMs: loadedMs,
      begin: async () => () => closeAll(sockets),
    })
  })
})

test('replicas that hang, all of them', async () => {
  await provoke(watch, {
    fault: 'docker pause every replica',
    alerts: [{ alertname: 'NoReplica' }, { alertname: 'ReplicaDown', replica: 'ws-1' }, { alertname: 'ScalerBlind' }],
    begin: async () => {
      await compose(stack, ['pause', services.ws])
      return async () => void (await compose(stack, ['unpause', services.ws]))
    },
  })
})

test('a Prometheus that is cut off', async () => {
  await provoke(watch, {
    fault: 'Prometheus is taken off the network lab',
    alerts: [{ alertname: 'TargetDown', job: 'scaler' }, { alertname: 'ScalerSilent' }],
    begin: async () => {
      const [network, prometheus] = [`${stack.project}_lab`, await idOf(services.prometheus)]
      await docker(['network', 'disconnect', network, prometheus])
      return async () => void (await docker(['network', 'connect', '--alias', services.prometheus, network, prometheus]))
    },
  })
})

test('service levels on the real clock fire as well; they end after their own windows, which is not waited for', async () => {
  for (const slo of ['connect', 'drops', 'messages']) {
    for (const alertname of ['ErrorBudgetBurnFast', 'ErrorBudgetBurnSlow']) {
      const labels = { alertname, slo, clock: 'real' }
      await seenFiring(watch, {
        fault: 'as with clock=lab',
        labels,
        sinceMs: faultsMs,
        withinMs: 30_000,
        note: 'not waited for: 30 min or 6 h',
      })
    }
  }
})

test('a replica that drains is not taken for a lost one', async () => {
  const names = await replicasUp(stack)
  const leaving = names.at(-1) ?? ''
  await openOn(stack, leaving, 3)
  await scaleTo(stack, names.length - 1)
  // ReplicaLost looks back for a minute: after that it will not come any more.
  const forgotten = `absent_over_time(${metrics.replicaState.name}{replica="${leaving}"}[1m])`
  await until(`${leaving} forgotten`, async () => (await query(stack, forgotten)).length === 1, 180_000, 1000)
  expect(await query(stack, `max_over_time(ALERTS{alertname="ReplicaLost", replica="${leaving}"}[3m])`)).toEqual([])
})

test('what ends late has ended', async () => {
  const ended = await Promise.allSettled(late.ends.map((end) => end(600_000)))
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([])
}, 660_000)

test('every alert there is has been provoked', () => {
  const names = ruleFiles.flatMap(readRules).flatMap(({ alert }) => (alert === undefined ? [] : [alert]))
  expect(provoked()).toEqual([...new Set(names)].sort())
})
