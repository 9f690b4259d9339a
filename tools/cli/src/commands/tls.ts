/** Implements the `tls` command, which creates a certificate for Traefik that clients of this machine can trust. */
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { examples } from '@lab/host/arguments.ts'
import { say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { root } from '@lab/host/root.ts'
import { refuseShadowed, writeSettings } from '@lab/lab/compose/rollout/settings.ts'
import { type Command, InvalidArgumentError } from 'commander'
import { certificateFiles, makeCertificates, ownNames, removeCertificates, validDays } from '../tls/certificates.ts'

interface Options {
  host: readonly string[]
  folder?: string
  remove?: boolean
}

/** The folder that Compose mounts into Traefik's container. */
const mounted = join(root, 'traefik/certs')
const setting = 'LAB_CERTIFICATE'
const recreate = 'docker compose up -d --no-deps traefik'

export function register(program: Command): void {
  program
    .command('tls')
    .description('create a local certificate authority and a certificate for Traefik, and make Compose use the certificate')
    .option('--host <names...>', `names and addresses to add to the certificate's own: ${ownNames.join(', ')}`, hostNames, [])
    .option('--folder <path>', 'write the files to this folder instead, and leave .env unchanged')
    .option('--remove', 'delete the certificate, and make Traefik use a self-signed one again')
    .addHelpText('after', examples('./lab tls', './lab tls --host lab.example 192.168.1.20', './lab tls --remove'))
    .action(tls)
}

function hostNames(text: string, before: readonly string[]): readonly string[] {
  const isName = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,62}$/i.test(text) && text.length <= 253
  if (isIP(text) !== 0 || isName) return [...before, text]
  throw new InvalidArgumentError('Allowed are host names and IP addresses, without a port.')
}

async function tls({ host, folder: given, remove = false }: Options): Promise<void> {
  const folder = given === undefined ? mounted : resolve(given)
  const written = { [setting]: remove ? null : 'true' }
  if (given === undefined) refuseShadowed(written, setting)
  const at = (file: keyof typeof certificateFiles) => relative(process.cwd(), join(folder, certificateFiles[file]))
  const own = existsSync(join(folder, certificateFiles.authority))
  if (!own && existsSync(join(folder, certificateFiles.certificate)))
    throw new LabError(`${at('certificate')} is not from ./lab tls; allowed: delete or move it and its key first`)
  if (remove) {
    if (!own) throw new LabError(`--remove: there is no ${at('authority')}, so ./lab tls has created no certificate`)
    await removeCertificates(folder)
  } else await makeCertificates(folder, [...ownNames, ...host])
  if (given === undefined) await writeSettings(written)
  for (const line of remove ? removedLines() : createdLines(at)) say(line)
}

function createdLines(at: (file: keyof typeof certificateFiles) => string): string[] {
  const authority = at('authority')
  const trust: Partial<Record<NodeJS.Platform, string>> = {
    darwin: `security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${authority}`,
    win32: `certutil -user -addstore Root ${authority}`,
  }
  return [
    `${at('certificate')} and ${at('key')} are valid for ${validDays} days; the key of the authority has been deleted`,
    `Traefik:   ${recreate}`,
    `browser:   ${trust[process.platform] ?? `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n websocket-lab -i ${authority}`}`,
    `Node:      NODE_EXTRA_CA_CERTS=${authority}`,
    'k6:        docker compose run --rm -e TARGET=https://traefik:8443 k6',
  ]
}

function removedLines(): string[] {
  const forget: Partial<Record<NodeJS.Platform, string>> = {
    darwin: 'security delete-certificate -c "WebSocket scaling lab, local authority"',
    win32: 'certutil -user -delstore Root "WebSocket scaling lab, local authority"',
  }
  return [
    'the certificate is deleted',
    `Traefik:   ${recreate}`,
    `browser:   ${forget[process.platform] ?? 'certutil -d sql:$HOME/.pki/nssdb -D -n websocket-lab'}`,
  ]
}
