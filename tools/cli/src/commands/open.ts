/** Implements the `open` command, which opens a page of the lab in the browser. */

import { examples } from '@lab/host/arguments.ts'
import { run, say } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type OpenPlace, openPlaces, places } from '@lab/lab/compose/places.ts'
import { labContainers } from '@lab/lab/compose/project.ts'
import { onOption, pageOption, type WhichLab } from '@lab/lab/options.ts'
import { Argument, type Command } from 'commander'
import { embeddedLab, embeddedPlaces, toTheSame } from '../embedded.ts'
import { forwardHint, kubernetesPlaces, onKubernetes } from '../kubernetes.ts'

const openerWithinSeconds = 10
const embeddedWords = embeddedPlaces({ name: '', entry: '' }).map(({ word }) => word)
const words = [...new Set([...places.map(({ word }) => word), ...embeddedWords])]

export function register(program: Command): void {
  program
    .command('open')
    .description('open a page of the lab in the browser and print its URL; without a desktop, only print the URL')
    .addArgument(
      new Argument('[what]', `name of the page; for an embedded lab: ${embeddedWords.join(', ')}; in a cluster: page`)
        .choices(words)
        .default('page'),
    )
    .addOption(onOption())
    .addOption(pageOption())
    .option('--print', 'only print the URL')
    .addHelpText(
      'after',
      examples(
        './lab open',
        './lab open grafana',
        './lab open prometheus --print',
        './lab open --on embedded',
        './lab open --on kubernetes',
      ),
    )
    .action(open)
}

async function open(what: string, { print = false, ...which }: WhichLab & { print?: boolean }): Promise<void> {
  const found = (await placesOf(which)).find(({ word }) => word === what)
  if (!found) throw new LabError(noPlace(what, which))
  process.stdout.write(`${found.url}\n`)
  if (print) return
  const command = opener(process.platform, process.env, found.url)
  if (!command) return
  const [file = '', ...args] = command
  const ran = await run(file, args, { withinSeconds: openerWithinSeconds })
  if (ran.exitCode !== 0) say(`no browser opened: ${file} ${ran.missing ? 'is not installed' : `exited with ${ran.exitCode}`}`)
}

function placesOf(which: WhichLab): Promise<OpenPlace[]> {
  switch (which.on) {
    case 'compose':
      return labContainers().then(openPlaces)
    case 'embedded':
      return embeddedLab(which).then(embeddedPlaces)
    case 'kubernetes':
      return onKubernetes(async (lab) => kubernetesPlaces(lab))
  }
}

function noPlace(what: string, which: WhichLab): string {
  const forward = which.on === 'kubernetes' ? forwardHint(what) : undefined
  if (forward !== undefined) return `the Ingress does not publish ${what}; to reach it: ${forward}`
  const status = { compose: './lab status', embedded: `./lab status ${toTheSame(which)}`, kubernetes: './lab status --on kubernetes' }
  return `${what} is not running; ${status[which.on]} lists the available pages`
}

/** Returns the command that opens a URL on this platform; undefined if there is no desktop. */
export function opener(platform: NodeJS.Platform, env: Record<string, string | undefined>, url: string): string[] | undefined {
  if (platform === 'darwin') return ['open', url]
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open', url] : undefined
}
