/** Builds the command tree, which contains all commands in groups, in the order of --help. */
import { readFileSync } from 'node:fs'
import { plainError } from '@lab/host/arguments.ts'
import { root } from '@lab/host/root.ts'
import { Command } from 'commander'

interface CommandModule {
  register(program: Command): void
}

interface Entry {
  /** Names of the commands that a module defines, each with its description for --help. */
  commands: Readonly<Record<string, string>>
  /** Imports a command's module only when that command is used. Importing all command modules would slow down every command. */
  load: () => Promise<CommandModule>
}

/** To add a command, add one line to this list and create a module that exports a `register` function. */
const groups: Readonly<Record<string, readonly Entry[]>> = {
  'Run the lab:': [
    {
      commands: { up: 'start the lab, wait until all services are healthy, and print their URLs' },
      load: () => import('./commands/up.ts'),
    },
    { commands: { status: 'show replicas, sockets, services and URLs' }, load: () => import('./commands/status.ts') },
    { commands: { open: 'open a page of the lab in the browser' }, load: () => import('./commands/open.ts') },
    { commands: { down: 'stop the lab and preserve its data' }, load: () => import('./commands/down.ts') },
    { commands: { nuke: 'stop the lab and delete its data' }, load: () => import('./commands/nuke.ts') },
    {
      commands: { tls: 'create a certificate for Traefik that browsers, k6 and clients can trust' },
      load: () => import('./commands/tls.ts'),
    },
    { commands: { images: 'list, save and load the images of the lab' }, load: () => import('./commands/images.ts') },
    { commands: { k8s: 'run the lab in a Kubernetes cluster' }, load: () => import('@lab/k8s/command.ts') },
  ],
  'Apply load and scale:': [
    { commands: { load: 'open sockets and send messages' }, load: () => import('./commands/load.ts') },
    { commands: { soak: 'hold a load for days, and judge whether anything grows' }, load: () => import('./commands/soak.ts') },
    { commands: { scale: 'set the number of replicas' }, load: () => import('./commands/scale.ts') },
    { commands: { rollout: 'replace the replicas one by one with a new version' }, load: () => import('@lab/rollout/command.ts') },
    {
      commands: { deploy: 'switch to replicas of the other colour, all at once or with a canary' },
      load: () => import('@lab/rollout/deploy.ts'),
    },
    {
      commands: { scaler: "show the scaler's decisions, pause the scaler, or replay load with other settings" },
      load: () => import('./commands/scaler.ts'),
    },
    { commands: { hpa: 'check, test and tune HorizontalPodAutoscaler files' }, load: () => import('@lab/hpa/command.ts') },
  ],
  'Inject faults, and prove that nothing is lost:': [
    { commands: { chaos: 'inject one fault, check its effects, and undo it' }, load: () => import('./commands/chaos.ts') },
    {
      commands: { storm: 'kill a replica with many sockets, and compare clients that reconnect immediately with clients that wait first' },
      load: () => import('@lab/storm/command.ts'),
    },
    {
      commands: {
        prove: 'inject faults according to a plan, and check whether a message was lost',
        compare: 'compare the proof reports of two sets of runs',
      },
      load: () => import('@lab/prove/command.ts'),
    },
    {
      commands: { simulate: 'simulate thousands of runs with random faults in virtual time, without a lab' },
      load: () => import('@lab/simulate/command.ts'),
    },
  ],
  'Learn and demonstrate:': [
    { commands: { workshop: 'list the thirteen workshop steps, and check a step' }, load: () => import('./commands/workshop.ts') },
    { commands: { demo: 'play a scene: print the measured values, and undo all changes' }, load: () => import('@lab/demo/command.ts') },
    {
      commands: { record: 'play a storyboard and film it, with measured values in the captions' },
      load: () => import('@lab/demo/record/command.ts'),
    },
    {
      commands: { stills: 'take pictures of the lab and of every Grafana dashboard' },
      load: () => import('@lab/demo/record/stills-command.ts'),
    },
  ],
  'Diagnose problems:': [
    { commands: { doctor: 'check whether the lab can run on this machine' }, load: () => import('./commands/doctor.ts') },
    { commands: { logs: 'show the output of the services' }, load: () => import('./commands/logs.ts') },
    { commands: { report: 'collect versions, logs and configuration for a request for help' }, load: () => import('./commands/report.ts') },
    {
      commands: { panels: 'print the current values of every panel in the Grafana dashboards' },
      load: () => import('@lab/panels/command.ts'),
    },
  ],
  'Develop the lab:': [
    { commands: { bench: 'benchmark the service or the scaler on this machine' }, load: () => import('@lab/bench/command.ts') },
    {
      commands: { conformance: "compare the scaler's decisions with those of the Kubernetes HPA controller" },
      load: () => import('@lab/scaler/conformance/command.ts'),
    },
    {
      commands: { parity: "compare the scaler's decisions with those of a running kube-controller-manager" },
      load: () => import('@lab/parity/command.ts'),
    },
    { commands: { generate: 'regenerate all generated files' }, load: () => import('./commands/generate.ts') },
  ],
}

const help = `
Exit codes:
  0    as expected
  1    not as expected, or an error; doctor: the lab cannot run; status: the lab is not running
  2    the command could not run, for example because of wrong usage; doctor: the lab can run, with warnings
  130  interrupted

Examples:
  ./lab doctor                 check whether the lab can run on this machine
  ./lab up --k8s-sim           start the lab with its scaler
  ./lab load 1000              open 1000 sockets for a minute
  ./lab scaler explain         explain the current number of replicas
  ./lab chaos kill --check     kill a replica, and check the effects
  ./lab down                   stop the lab and preserve its data
`

/**
 * Creates the command tree. No command runs until `parseAsync` is called.
 * @param words the command-line arguments; only the commands that they name are loaded completely. If omitted, all commands are loaded.
 */
export async function createProgram(words?: readonly string[]): Promise<Command> {
  const program = new Command('./lab')
    .description('The commands of the WebSocket scaling lab. Each Docker command that they run is printed as a line that you could type.')
    .version(version())
    .helpOption('-h, --help', 'show help with examples')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`lab: ${plainError(text)} (see --help)\n`) })
    .addHelpText('after', help)
  for (const [group, entries] of Object.entries(groups)) {
    program.commandsGroup(group)
    for (const entry of entries) await addEntry(program, entry, words)
  }
  program.commandsGroup('Help:').helpCommand('help [command]', 'show help with examples')
  return program
}

async function addEntry(program: Command, { commands, load }: Entry, words: readonly string[] | undefined): Promise<void> {
  const names = Object.keys(commands)
  if (words === undefined || names.some((name) => words.includes(name))) {
    const { register } = await load()
    register(program)
  } else for (const name of names) program.command(name)
  for (const command of program.commands) {
    const line = commands[command.name()]
    if (line !== undefined) command.summary(line)
  }
}

function version(): string {
  return (JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }).version
}
