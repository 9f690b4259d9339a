/**
 * `npm run storm`: kills a replica that holds 2,000 sockets, twice, on the lab that runs: once its clients are naive and come
 * back at once, once they wait a random time first. Prints both side by side, and writes reports/storm.json.
 * Exit code 0: the peak falls as it should and the lab stays up; 1: it does not; 2: it could not be tried.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { paths, replicaHeader, services, stickyCookie } from '../contract/src/endpoints.ts'
import type { StormClients } from '../contract/src/storm-metrics.ts'
import type { Storm } from '../k6/lib/storm-summary.ts'
import { docker } from '../prove/docker.ts'
import { findLab, type Lab, until } from '../prove/lab.ts'
import { loadEnvFile } from '../scaler/src/env-file.ts'
import { compare, comparisonText, type Damage } from './storm/compare.ts'

const usage = `npm run storm -- [--sockets N]   N sockets (2000, 10 to 10000) are at a replica when it dies; two replicas or more must run`
const root = fileURLToPath(new URL('..', import.meta.url))
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)

/** More are opened than are wanted: while the replica fills, it already asks some to move to emptier ones. */
const surplus = 1.2

async function main(): Promise<number> {
  const sockets = readSockets()
  if (sockets === undefined) return 2
  loadEnvFile()
  const lab = await findLab(process.env)
  const numbers = await lab.replicas()
  if (numbers.length < 2) throw new Error(`${numbers.length} replicas of project ${lab.project} run; start the lab with two or more`)
  const victim = `${services.ws}-${numbers.at(-1)}`
  const naive = await storm(lab, victim, sockets, 'naive')
  const jittered = await storm(lab, victim, sockets, 'jittered')
  const comparison = compare(sockets, naive, jittered)
  writeFileSync(`${root}reports/storm.json`, `${JSON.stringify(comparison, null, 2)}\n`)
  console.log(`\n${comparisonText(comparison)}\nAs JSON: reports/storm.json`)
  return comparison.problems.length === 0 ? 0 : 1
}

function readSockets(): number | undefined {
  try {
    const { sockets = '2000', help } = parseArgs({ options: { sockets: { type: 'string' }, help: { type: 'boolean' } } }).values
    const count = /^\d{1,5}$/.test(sockets) ? Number(sockets) : 0
    if (!help && count >= 10 && count <= 10_000) return count
    if (!help) console.error(`--sockets ${sockets}: allowed is a whole number from 10 to 10000`)
  } catch (error) {
    console.error((error as Error).message)
  }
  console.error(usage)
  return undefined
}

/** One storm: fills the victim, kills it, waits until everybody is back, and starts it again. */
async function storm(lab: Lab, victim: string, sockets: number, clients: StormClients): Promise<Storm & { damage: Damage }> {
  log(`${clients} clients: opening ${sockets} sockets at ${victim}`)
  const entry = lab.entry.replace(/^ws/, 'http')
  const container = `${lab.project}-${victim}`
  const settings = { SCENARIO: 'storm', SHORT: '1', CLIENTS: clients, VICTIM: victim, SOCKETS: String(Math.ceil(sockets * surplus)) }
  const env = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  const load = execa('docker', ['compose', '-p', lab.project, 'run', '--rm', ...env, 'k6'], {
    cwd: root,
    env: { LAB_UID: String(process.getuid?.() ?? 0), LAB_GID: String(process.getgid?.() ?? 0) },
    stdin: 'ignore',
    timeout: 180_000,
    reject: false,
    all: true,
  })
  const survivors = await othersThan(lab, container)
  try {
    const cookie = await cookieOf(entry, victim)
    const ended = load.then(({ all, exitCode }) => Promise.reject(new Error(`k6 ended with ${exitCode} before the storm:\n${all}`)))
    const filled = until(`${sockets} sockets at ${victim}`, async () => (await connectionsOf(entry, cookie)) >= sockets, 60_000, 100)
    await Promise.race([filled, ended])
    await docker(['kill', '--signal', 'KILL', container])
    log(`${clients} clients: ${victim} is dead`)
    const watch = watchEntry(entry)
    const { all, exitCode } = await load
    const { asked, notReady } = watch.stop()
    if (exitCode !== 0) log(`k6 ended with ${exitCode}:\n${all}`)
    const damage = { down: await damageTo(survivors), asked, notReady }
    return { ...(JSON.parse(readFileSync(`${root}reports/k6-storm-${clients}.json`, 'utf8')) as Storm), damage }
  } finally {
    load.kill()
    await docker(['start', container])
    await until(`${victim} healthy`, async () => (await lab.state(container)).Health?.Status === 'healthy', 60_000)
  }
}

/** The replica's sticky cookie, by asking until the router leads there. */
async function cookieOf(entry: string, replica: string): Promise<string> {
  for (let tries = 0; tries < 60; tries++) {
    const answer = await fetch(entry + paths.health, { signal: AbortSignal.timeout(5000) })
    await answer.body?.cancel()
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(`${stickyCookie}=`))
    if (answer.headers.get(replicaHeader) === replica && cookie !== undefined) return cookie.split(';')[0] ?? ''
  }
  throw new Error(`${replica} did not answer within 60 tries at ${entry}`)
}

async function connectionsOf(entry: string, cookie: string): Promise<number> {
  const answer = await fetch(entry + paths.health, { headers: { cookie }, signal: AbortSignal.timeout(5000) })
  return ((await answer.json()) as { connections: number }).connections
}

/** Asks the entry twice a second whether it is ready. */
function watchEntry(entry: string): { stop(): { asked: number; notReady: number } } {
  let asked = 0
  let notReady = 0
  const timer = setInterval(async () => {
    asked++
    const ready = await fetch(entry + paths.readyz, { signal: AbortSignal.timeout(5000) }).then(
      (answer) => answer.ok,
      () => false,
    )
    if (!ready) notReady++
  }, 500)
  return {
    stop: () => {
      clearInterval(timer)
      return { asked, notReady }
    },
  }
}

interface Survivor {
  Name: string
  RestartCount: number
  State: { Status: string; StartedAt: string; OOMKilled: boolean; Health?: { Status: string } }
}

const inspect = async (names: readonly string[]) => JSON.parse(await docker(['inspect', ...names])) as Survivor[]

/** Traefik and every replica but one. */
async function othersThan(lab: Lab, container: string): Promise<Survivor[]> {
  const replicas = (await lab.replicas()).map((number) => lab.container(services.ws, number))
  return inspect([lab.container(services.traefik), ...replicas.filter((name) => name !== container)])
}

async function damageTo(before: readonly Survivor[]): Promise<string[]> {
  const after = await inspect(before.map(({ Name }) => Name.slice(1)))
  return after.flatMap(({ Name, RestartCount, State }, index) => {
    const same = before[index]?.State.StartedAt === State.StartedAt && before[index]?.RestartCount === RestartCount
    const well = State.Status === 'running' && State.Health?.Status === 'healthy'
    return same && well ? [] : [`${Name.slice(1)} is ${State.Status}, ${State.Health?.Status}, restarts: ${RestartCount}`]
  })
}

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message)
  return 2
})
