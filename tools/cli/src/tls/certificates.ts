/** Creates a local certificate authority and a certificate for Traefik with the openssl program. */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, whyFailed } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'

/** Names under which clients reach Traefik: from this machine, and from a container in the network `lab`. */
export const ownNames: readonly string[] = ['localhost', '127.0.0.1', '::1', 'traefik']
/** Lifetime of both certificates; browsers accept no certificate for longer than 398 days. */
export const validDays = 365

/** The files of one certificate, relative to the certificate folder. Traefik reads `certificate` and `key`, and clients `authority`. */
export const certificateFiles = { certificate: 'lab.crt', key: 'lab.key', authority: 'authority/lab-authority.crt' } as const

const withinSeconds = 30

/** Returns openssl's configuration for the authority and for the certificate. Pure. */
export function opensslConfig(names: readonly string[]): string {
  const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`)
  return `[req]
prompt = no
distinguished_name = authority_name
[authority_name]
CN = WebSocket scaling lab, local authority
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[certificate]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${alternatives.join(', ')}
`
}

/**
 * Creates an authority that signs a single certificate, and writes the certificate, its key and the authority's certificate to the folder.
 * The authority's own key is deleted, so nobody can use the authority to sign a second certificate.
 * @throws LabError if openssl is not installed or fails
 */
export async function makeCertificates(folder: string, names: readonly string[]): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), 'lab-tls-'))
  const key = ['-newkey', 'rsa:2048', '-nodes']
  const days = ['-days', String(validDays), '-sha256']
  const steps = [
    ['req', '-x509', ...key, ...days, '-config', 'lab.cnf', '-extensions', 'authority', '-keyout', 'ca.key', '-out', 'ca.crt'],
    ['req', ...key, '-config', 'lab.cnf', '-subj', '/CN=localhost', '-keyout', 'lab.key', '-out', 'lab.csr'],
    ['x509', '-req', '-in', 'lab.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', ...days, '-extfile', 'lab.cnf'].concat([
      '-extensions',
      'certificate',
      '-out',
      'lab.crt',
    ]),
  ]
  try {
    await writeFile(join(temporary, 'lab.cnf'), opensslConfig(names))
    for (const step of steps) await openssl(step, temporary)
    await mkdir(join(folder, 'authority'), { recursive: true })
    // The chain includes the authority, so that a client which does not trust it can show its name.
    const chain = (await readFile(join(temporary, 'lab.crt'), 'utf8')) + (await readFile(join(temporary, 'ca.crt'), 'utf8'))
    await writeFile(join(folder, certificateFiles.certificate), chain)
    await copyFile(join(temporary, 'lab.key'), join(folder, certificateFiles.key))
    await copyFile(join(temporary, 'ca.crt'), join(folder, certificateFiles.authority))
    // Traefik runs as another user, who must be able to read the key.
    for (const file of Object.values(certificateFiles)) await chmod(join(folder, file), 0o644)
  } finally {
    await rm(temporary, { recursive: true })
  }
}

/** Deletes the files that `makeCertificates` wrote to the folder. */
export async function removeCertificates(folder: string): Promise<void> {
  for (const file of Object.values(certificateFiles)) await rm(join(folder, file), { force: true })
}

async function openssl(args: readonly string[], folder: string): Promise<void> {
  const ran = await run('openssl', args, { folder, withinSeconds })
  if (ran.missing) {
    const other = 'with mkcert instead, write traefik/certs/lab.crt and traefik/certs/lab.key, and set LAB_CERTIFICATE=true'
    throw new LabError(`openssl is not installed; install it (Git for Windows includes it), or, ${other}`)
  }
  if (ran.exitCode !== 0) throw new LabError(`openssl ${args[0]}: ${whyFailed(ran, withinSeconds)}`)
}
