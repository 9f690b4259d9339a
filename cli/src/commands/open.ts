/** `open`: one of the lab's pages in the browser. */
import { Argument, type Command } from 'commander'
import { run, say } from '../docker.ts'
import { LabError } from '../lab-error.ts'
import { openPlaces, places } from '../places.ts'
import { labContainers } from '../project.ts'
import { examples } from './options.ts'

const openerWithinSeconds = 10

export function register(program: Command): void {
  program
    .command('open')
    .description("open one of the lab's pages in the browser, and print its URL; without a desktop, print only")
    .addArgument(new Argument('[what]', 'which').choices(places.map(({ word }) => word)).default('page'))
    .addHelpText('after', examples('lab open', 'lab open grafana'))
    .action(open)
}

async function open(what: string): Promise<void> {
  const found = openPlaces(await labContainers()).find(({ word }) => word === what)
  if (!found) throw new LabError(`${what} is not published right now; lab status lists what is`)
  process.stdout.write(`${found.url}\n`)
  const command = opener(process.platform, process.env, found.url)
  if (!command) return
  const [file = '', ...args] = command
  const ran = await run(file, args, openerWithinSeconds)
  if (ran.exitCode !== 0) say(`no browser opened: ${file} ${ran.missing ? 'is not here' : `ended with ${ran.exitCode}`}`)
}

/** The platform's way to open a URL, or nothing where there is no desktop. */
export function opener(platform: NodeJS.Platform, env: Record<string, string | undefined>, url: string): string[] | undefined {
  if (platform === 'darwin') return ['open', url]
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open', url] : undefined
}
