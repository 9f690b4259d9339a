/**
 * Implements `npm start`, which starts the lab in one terminal, without Docker. This module only creates the lab's parts and connects them.
 */
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { hostPorts, paths } from '@lab/contract/endpoints.ts'
import { allowedOrigins } from '@lab/contract/foreign.ts'
import { plainError, wholeNumber } from '@lab/host/arguments.ts'
import { loadEnvFile } from '@lab/host/env-file.ts'
import { endOnClosedPipe, endWithNpm } from '@lab/host/signals.ts'
import { type Actions, createApi, servePage } from '@lab/live/api.ts'
import { liveFiles, readLiveFiles } from '@lab/scaler/live-files.ts'
import { Command, Option } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { Lab } from './lab.ts'
import { portProblems } from './ports.ts'
import { startStore } from './store.ts'

interface Options {
  replicas: number
  port: number
  pagePort: number
  hpa: string
  timeScale: number
  load: number
  valkey?: string
  state?: string
}

/** The embedded lab reads each metric from its replicas, but the scaler reads the mapping file together with the HPA file. */
const metricMap = fileURLToPath(new URL('../../scaler/metrics.yaml', import.meta.url))

// The ports in .env apply to both the embedded lab and the Compose lab; `./lab chaos --embedded` also reads them from .env.
loadEnvFile()
endOnClosedPipe()
endWithNpm()
const program = new Command('npm start --')
  .version(packageJson.version)
  .configureOutput({ outputError: (text, write) => write(`${plainError(text)}\n`) })
  .description('The lab as processes, without Docker: replicas, a router, the scaler, load, and a live page.')
  .addOption(new Option('--replicas <n>', 'number of replicas at the start').default(2).argParser(wholeNumber(1, 20)))
  .addOption(
    new Option('--port <port>', 'port of the entry: WebSocket at /ws, test client page at /; 0 takes any free port')
      .env('LAB_PORT')
      .default(hostPorts.LAB_PORT)
      .argParser(wholeNumber(0, 65535)),
  )
  .addOption(
    new Option('--page-port <port>', 'port of the live page; 0 takes any free port')
      .env('GRAFANA_PORT')
      .default(hostPorts.GRAFANA_PORT)
      .argParser(wholeNumber(0, 65535)),
  )
  .addOption(
    new Option('--hpa <file>', "file of the HorizontalPodAutoscaler; the scaler's next decision uses a changed file").default(
      'scaler/hpa.yaml',
    ),
  )
  .addOption(
    new Option('--time-scale <factor>', "factor that shortens the scaler's periods and windows; 1 is real time")
      .default(5)
      .argParser(wholeNumber(1, 100)),
  )
  .addOption(
    new Option('--load <sockets>', 'number of sockets to open at the start; the live page can change it')
      .default(0)
      .argParser(wholeNumber(0, 5000)),
  )
  .addOption(
    new Option(
      '--valkey <url>',
      "Valkey through which replicas share rooms and sessions, as in valkey://127.0.0.1:6379; with none, replicas share nothing (default: the lab's own store)",
    ).env('VALKEY_URL'),
  )
  .addOption(
    new Option(
      '--state <folder>',
      "folder of the scaler's decision log (default: reports/embedded, or reports/embedded-PORT with another --port)",
    ),
  )
  .addHelpText('after', '\nExamples:\n  npm start\n  npm start -- --load 500\n  npm start -- --time-scale 1 --replicas 3\n')
  .action(run)

await program.parseAsync()

async function run(given: Options): Promise<void> {
  // Labs that run side by side use different ports, so a folder named after the port gives each lab its own decision log.
  const usual = given.port === 0 || given.port === hostPorts.LAB_PORT
  const options = { state: `reports/embedded${usual ? '' : `-${given.port}`}`, ...given }
  const startedAt = performance.now()
  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
  const fail = (line: string): never => {
    console.error(line)
    process.exit(1)
  }
  const files = { hpa: [options.hpa], metricMap }
  const read = await readLiveFiles(files)
  if (!read.ok) return fail(read.problems.map((problem) => `--hpa ${problem}`).join('\n'))
  const [autoscaler, another] = read.value.autoscalers
  if (read.value.problems.length > 0) return fail(read.value.problems.map(({ text }) => `--hpa ${text}`).join('\n'))
  if (autoscaler === undefined || another !== undefined) return fail(`--hpa ${options.hpa}: allowed is one HorizontalPodAutoscaler`)
  const reread = liveFiles(files, read.value, say)

  const allowed = allowedOrigins(process.env.ALLOWED_ORIGINS)
  if (!allowed.ok) return fail(allowed.problems.join('\n'))
  const problems = await portProblems([
    { option: '--port', port: options.port },
    { option: '--page-port', port: options.pagePort },
  ])
  if (problems.length > 0) return fail(problems.join('\n'))
  await mkdir(options.state, { recursive: true }).catch((error: Error) => fail(`--state ${options.state}: ${error.message}`))

  const stop = stopper(say)
  const store = await storeOf(options.valkey)
  const settings = {
    ...options,
    hpa: autoscaler.hpa,
    reread: async () => (await reread()).autoscalers[0] ?? autoscaler,
    stateFolder: options.state,
    allowedOrigins: allowed.value,
    ...(store && { valkeyUrl: store.url }),
    say,
  }
  const lab = await Lab.start(settings, say).catch((error: Error) => fail(error.message))
  stop.onEnd(async (atOnce) => {
    await lab.end(atOnce)
    // The store is shut down last, because draining replicas save their sessions in it.
    await store?.end()
  })
  const entry = `http://localhost:${lab.entryPort}`
  const page = await servePage(createApi(actionsOf(lab), entry, say, allowed.value), options.pagePort).catch(async (error: Error) => {
    await lab.end(true)
    return fail(error.message)
  })
  stop.onEnd(async () => page.close())
  if (options.load > 0) lab.setLoad(options.load)
  console.log(`
Embedded lab, ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: no Traefik, Prometheus, Grafana; replicas, router and scaler are processes.

  live page          http://localhost:${page.port}     load, kill, drain, the scaler's decisions
  test client page   ${entry}     sockets at ${entry.replace('http', 'ws')}${paths.ws}
  store              ${store?.words ?? 'none: replicas share nothing'}
  decisions          ./lab scaler explain --state ${options.state}

Time is compressed ${options.timeScale}x for the scaler. Ctrl-C ends the lab; a second Ctrl-C ends it at once.`)
}

interface Store {
  url: string
  /** Description of the store in the start message. */
  words: string
  end(): Promise<void>
}

/**
 * Returns the store that replicas share: the Valkey at the given address or, by default, the lab's own store; undefined if `none` was
 * given.
 */
async function storeOf(given: string | undefined): Promise<Store | undefined> {
  if (given === 'none') return undefined
  const words = 'rooms span replicas, and sockets move with their sessions'
  if (given) return { url: given, words: `the given Valkey: ${words}`, end: async () => {} }
  return { ...(await startStore()), words: `in this process: ${words}` }
}

function actionsOf(lab: Lab): Actions {
  return {
    snapshot: () => lab.snapshot(),
    decisions: () => lab.decisions(),
    stateFolder: lab.stateFolder,
    orders: {
      load: ({ sockets }) => lab.setLoad(sockets),
      pause: ({ paused }) => lab.pause(paused),
      target: ({ connections }) => lab.setTarget(connections),
      scaleDown: ({ rules }) => lab.setScaleDown(rules),
      replicas: ({ count }) => lab.setReplicas(count),
      kill: ({ id }) => lab.kill(id),
      rollOut: ({ fails }) => lab.rollout.begin(fails),
      deploy: ({ fails }) => lab.rollout.deploy(fails),
      drain: ({ id }) => lab.drain(id),
      disturb: ({ kind, id = '', seconds }) => lab.disturbances.begin(kind, id, seconds),
      calm: ({ kind, of = '' }) => lab.disturbances.end(kind, of),
    },
  }
}

/**
 * Drains the lab on the first signal, and ends it at once on the second. On the third signal, the process exits without waiting for the lab
 * to end.
 */
function stopper(say: (line: string) => void) {
  const ends: ((atOnce: boolean) => Promise<void>)[] = []
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, async () => {
      signals++
      say(signals === 1 ? `${signal}: draining; repeat it to end at once` : 'ending at once')
      if (signals > 2) process.exit(1)
      const results = await Promise.allSettled(ends.map((end) => end(signals > 1)))
      for (const result of results) if (result.status === 'rejected') say(`error while ending: ${String(result.reason)}`)
      process.exit(results.every(({ status }) => status === 'fulfilled') ? 0 : 1)
    })
  }
  return { onEnd: (end: (atOnce: boolean) => Promise<void>) => void ends.push(end) }
}
