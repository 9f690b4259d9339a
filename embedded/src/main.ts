/** `npm start`: the lab without Docker, in one terminal. Wires; decides nothing. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostPorts } from '@lab/contract/endpoints.ts'
import { Command, Option } from 'commander'
import { wholeNumber } from '../../cli/src/commands/options.ts'
import { defaultControllerOptions } from '../../scaler/src/core/types.ts'
import { loadEnvFile } from '../../scaler/src/env-file.ts'
import { problemText, readHpa } from '../../scaler/src/spec/read.ts'
import { createApi, servePage } from './api.ts'
import { startGuard } from './guard.ts'
import { Lab } from './lab.ts'
import { findValkey, startValkey } from './valkey-server.ts'

interface Options {
  replicas: number
  port: number
  pagePort: number
  hpa: string
  timeScale: number
  load: number
  valkey?: string
  state: string
}

const aloneWords = 'none, each replica works alone; with valkey-server or redis-server installed, or --valkey URL, sockets move'

// Its ports are those of the lab on Compose: whoever wrote others into .env means this one, too, and `chaos --embedded` looks there.
loadEnvFile()
const program = new Command('npm start --')
  .description('The lab as processes, without Docker: replicas, a router, the scaler, load, and a live page.')
  .addOption(new Option('--replicas <n>', 'where it starts').default(2).argParser(wholeNumber(1, 20)))
  .addOption(
    new Option('--port <port>', 'entry: sockets at /ws, test client page at /; 0 takes a free one')
      .env('LAB_PORT')
      .default(hostPorts.LAB_PORT)
      .argParser(wholeNumber(0, 65535)),
  )
  .addOption(
    new Option('--page-port <port>', 'live page; 0 takes a free one')
      .env('GRAFANA_PORT')
      .default(hostPorts.GRAFANA_PORT)
      .argParser(wholeNumber(0, 65535)),
  )
  .addOption(new Option('--hpa <file>', 'the HorizontalPodAutoscaler').default('scaler/hpa.yaml'))
  .addOption(
    new Option('--time-scale <factor>', 'compress time for the scaler; 1 is as in a cluster').default(5).argParser(wholeNumber(1, 100)),
  )
  .addOption(new Option('--load <sockets>', 'sockets to begin with; the page has a knob').default(0).argParser(wholeNumber(0, 5000)))
  .addOption(
    new Option(
      '--valkey <url>',
      'share rooms and sessions, as in valkey://127.0.0.1:6379; none: each replica works alone (default: valkey-server or redis-server is started, where it is installed)',
    ).env('VALKEY_URL'),
  )
  .addOption(new Option('--state <folder>', "the scaler's decision log").default('reports/embedded'))
  .addHelpText('after', '\nExamples:\n  npm start\n  npm start -- --load 500\n  npm start -- --time-scale 1 --replicas 3\n')
  .action(run)

await program.parseAsync()

async function run(options: Options): Promise<void> {
  const startedAt = performance.now()
  const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
  const fail = (line: string): never => {
    console.error(line)
    process.exit(1)
  }
  const text = await readFile(options.hpa, 'utf8').catch((error: Error) => fail(`--hpa ${options.hpa}: ${error.message}`))
  const read = readHpa(text, options.hpa, defaultControllerOptions.featureGates)
  if ('problems' in read) return fail(read.problems.map(problemText).join('\n'))

  const stop = stopper(say)
  const store = await storeOf(options.valkey, say).catch((error: Error) => fail(error.message))
  const settings = { ...options, hpa: read.hpa, stateFolder: options.state, ...(store && { valkeyUrl: store.url }), say }
  const lab = await Lab.start(settings, say).catch(async (error: Error) => {
    await store?.end()
    return fail(portHint(error))
  })
  stop.onEnd(async (atOnce) => {
    await lab.end(atOnce)
    // Replicas that drain hand their sessions over through it.
    await store?.end()
  })
  const entry = `http://localhost:${lab.entryPort}`
  const page = await servePage(createApi(actionsOf(lab), entry, say), options.pagePort).catch(async (error: Error) => {
    await lab.end(true)
    await store?.end()
    return fail(portHint(error))
  })
  stop.onEnd(async () => page.close())
  if (options.load > 0) lab.setLoad(options.load)
  console.log(`
Embedded lab, ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s: no Traefik, Prometheus, Grafana; replicas, router and scaler are processes.

  live page          http://localhost:${page.port}     load, kill, drain, the scaler's decisions
  test client page   ${entry}     sockets at ${entry.replace('http', 'ws')}/ws
  store              ${store?.words ?? aloneWords}
  decisions          npm run --silent scaler -- explain --state ${options.state}

Time is compressed ${options.timeScale}x for the scaler. Ctrl-C ends it; twice: at once.`)
}

interface Store {
  url: string
  /** What it is, for people. */
  words: string
  end(): Promise<void>
}

/** What replicas share: what is given, else one of our own where the program is installed; undefined: nothing. */
async function storeOf(given: string | undefined, say: (line: string) => void): Promise<Store | undefined> {
  if (given === 'none') return undefined
  if (given) return { url: given, words: 'the one given: rooms span replicas, sockets move with their sessions', end: async () => {} }
  const program = findValkey()
  if (program === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'lab-store-'))
  const guard = startGuard(say)
  const clean = async () => {
    guard.end()
    await rm(folder, { recursive: true, force: true })
  }
  const server = await startValkey(program, folder, guard.watch).catch(async (error: Error) => {
    await clean()
    throw new Error(`${error.message}; --valkey none does without`)
  })
  const end = async () => {
    await server.end()
    await clean()
  }
  return { url: server.url, words: `a ${program} of its own: rooms span replicas, sockets move with their sessions`, end }
}

function actionsOf(lab: Lab) {
  return {
    snapshot: () => lab.snapshot(),
    setLoad: (sockets: number) => lab.setLoad(sockets),
    kill: (id: string) => lab.kill(id),
    drain: (id: string) => lab.drain(id),
    pause: (paused: boolean) => lab.pause(paused),
    setTarget: (connections: number) => lab.setTarget(connections),
    setScaleDown: (rules: Parameters<Lab['setScaleDown']>[0]) => lab.setScaleDown(rules),
    setReplicas: (count: number) => lab.setReplicas(count),
    decisions: () => lab.decisions(),
    chaos: lab.chaos,
  }
}

/** Ends in order at the first signal, at once at the second; also when something goes wrong while ending. */
function stopper(say: (line: string) => void) {
  const ends: ((atOnce: boolean) => Promise<void>)[] = []
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, async () => {
      signals++
      say(signals === 1 ? `${signal}: draining; once more to end at once` : 'ending at once')
      if (signals > 2) process.exit(1)
      const results = await Promise.allSettled(ends.map((end) => end(signals > 1)))
      for (const result of results) if (result.status === 'rejected') say(`while ending: ${String(result.reason)}`)
      process.exit(results.every(({ status }) => status === 'fulfilled') ? 0 : 1)
    })
  }
  return { onEnd: (end: (atOnce: boolean) => Promise<void>) => void ends.push(end) }
}

function portHint(error: Error): string {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') return `port ${port} is in use: give another with --port or --page-port, or 0 for any free one`
  if (code === 'EACCES') return `port ${port} may not be opened by this user: give one above 1023 with --port or --page-port`
  return error.message
}
