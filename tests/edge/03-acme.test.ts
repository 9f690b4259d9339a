/**
 * Requests a certificate from Pebble, the test authority of Let's Encrypt, through Traefik's ACME resolver. The test needs the program
 * `pebble` in PATH, and is skipped without it.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { certificateFiles, makeCertificates } from '@lab/cli/tls/certificates.ts'
import { paths, services } from '@lab/contract/endpoints.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { optionalProgram } from '../lib/program.ts'
import { ask, upgrade } from '../stack/lib/ask.ts'
import { freePorts } from '../stack/lib/global-setup.ts'
import { compose, containers } from '../stack/lib/stack.ts'

const pebble = optionalProgram('pebble', 'certificates by ACME')

/** Ports inside Pebble's container: the ACME directory, and the address with the certificates of its authority. */
const acmePort = 14_000
const authorityPort = 15_000

describe.skipIf(pebble === undefined)('LAB_ACME_DOMAIN', async () => {
  const stack = inject('stack')
  /** Docker's name server resolves the names of containers, so the name of Traefik's container is its public host name here. */
  const domain = `${stack.project}.example.test`
  const authority = `${stack.project}-pebble`
  const free = await freePorts()
  const [web, tls, roots] = [free.LAB_PORT, free.LAB_TLS_PORT, free.LIVE_PORT].map(Number)
  // The other networks have no access from the host.
  const network = `${stack.project}_front`
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lab-acme-'))
    await chmod(folder, 0o755)
    await makeCertificates(folder, [authority, 'localhost'])
    await mkdir(join(folder, 'acme'))
    await chmod(join(folder, 'acme'), 0o777)
    const config = {
      listenAddress: `0.0.0.0:${acmePort}`,
      managementListenAddress: `0.0.0.0:${authorityPort}`,
      certificate: `/lab/${certificateFiles.certificate}`,
      privateKey: `/lab/${certificateFiles.key}`,
      // Pebble checks the host name on Traefik's `web` entry point, as Let's Encrypt does on port 80.
      httpPort: 8000,
      tlsPort: 8443,
    }
    await writeFile(join(folder, 'pebble.json'), JSON.stringify({ pebble: config }))
    // Pebble runs in the replicas' image, because a program that was built on Linux may need its C library.
    const [replica] = await containers(stack, services.ws)
    await docker([
      ...['run', '--detach', '--name', authority, '--network', network, '--publish', `127.0.0.1:${roots}:${authorityPort}`],
      ...['--volume', `${folder}:/lab:ro`, '--volume', `${pebble}:/pebble:ro`, '--env', 'PEBBLE_VA_NOSLEEP=1'],
      ...['--entrypoint', '/pebble', replica?.Image ?? '', '-config', '/lab/pebble.json'],
    ])
    await until('Pebble answers', async () => (await rootCertificate()) !== '', { withinMs: 30_000 })
    await compose(stack, [
      ...['run', '--detach', '--no-deps', '--name', domain, '--volume', `${folder}:/etc/traefik/certs:ro`],
      ...['--publish', `127.0.0.1:${web}:8000`, '--publish', `127.0.0.1:${tls}:8443`, '--volume', `${folder}/acme:/acme`],
      ...['-e', `LAB_ACME_DOMAIN=${domain}`, '-e', `LAB_ACME_SERVER=https://${authority}:${acmePort}/dir`],
      ...['-e', `LEGO_CA_CERTIFICATES=/etc/traefik/certs/${certificateFiles.authority}`],
      ...['-e', `ALLOWED_ORIGINS=https://${domain}:${tls}`, '-e', `OWN_PORTS=${web},${tls}`, services.traefik],
    ])
  }, 180_000)

  afterAll(async () => {
    await tryDocker(['rm', '--force', domain, authority])
    await rm(folder, { recursive: true, force: true })
  })

  /** Returns the root certificate of Pebble's authority, which is new at each start. */
  async function rootCertificate(): Promise<string> {
    const { status, body } = await ask(`https://127.0.0.1:${roots}/roots/0`).catch(() => ({ status: 0, body: '' }))
    return status === 200 ? body : ''
  }

  /** Returns the serial number of the certificate that Traefik presents for the domain, if Pebble's authority has signed it. */
  function serialNumber(ca: string): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const socket = connect({ host: '127.0.0.1', port: tls, servername: domain, ca, timeout: 5_000 })
    const end = (serial?: string) => {
      socket.destroy()
      resolve(serial)
    }
    socket.on('secureConnect', () => end(socket.getPeerCertificate().serialNumber))
    socket.on('timeout', () => end()).on('error', () => end())
    return promise
  }

  test('Traefik gets a certificate, serves pages and sockets with it, and keeps it after a restart', async () => {
    const ca = await rootCertificate()
    const serial = await until('Traefik has a certificate for the domain', () => serialNumber(ca), { withinMs: 90_000, everyMs: 500 })
    const host = { host: `${domain}:${tls}` }
    const address = `https://127.0.0.1:${tls}`
    expect((await ask(`${address}${paths.page}`, { ca, servername: domain, headers: host })).status).toBe(200)
    expect((await ask(`${address}${paths.ws}`, { ca, servername: domain, headers: { ...host, ...upgrade } })).status).toBe(101)
    await docker(['restart', domain], { withinSeconds: 60 })
    const again = await until('Traefik presents it again', () => serialNumber(ca), { withinMs: 60_000, everyMs: 500 })
    expect(again).toBe(serial)
  }, 200_000)
})
