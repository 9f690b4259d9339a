/** The commands that complete a workshop step, as they are typed on each kind of lab. Pure. */
import type { LocalKind } from '@lab/lab/lab.ts'
import { pathOf } from './learner.ts'

export interface Commands {
  readonly start: string
  /** Starts the lab with its scaler and the learner's settings. */
  readonly startWithMine: string
  /** Opens sockets for a given time. */
  load(sockets: number, duration: string): string
  /** A load that rises from a tenth of 400 sockets to all of them, and falls to a tenth again. */
  readonly spike: string
  scale(replicas: number): string
  storm(sockets: number): string
  /** Replays every recorded decision. */
  readonly verify: string
  /** Copies the decision log to a file of the learner. */
  readonly record: string
  /**
   * Names a command block.
   * @param step the file name of the step's page, without its ending
   * @param which the block, for example `first`
   */
  block(step: string, which: string): string
}

/** The page with the commands of the steps that work without Docker. */
export const withoutDockerPage = 'workshop/without-docker.md'

const onEmbedded = '--on embedded'
const commands: Readonly<Record<LocalKind, Commands>> = {
  compose: {
    start: './lab up',
    startWithMine: `SCALER_HPA=${pathOf('hpa.yaml')} ./lab up --k8s-sim`,
    load: (sockets, duration) => `./lab load ${sockets} --duration ${duration}`,
    spike: './lab load spike --sockets 400 --duration 2m',
    scale: (replicas) => `./lab scale ${replicas}`,
    storm: (sockets) => `./lab storm --sockets ${sockets}`,
    verify: './lab scaler replay --verify',
    record: './lab workshop record',
    block: (step, which) => `the ${which} block of workshop/${step}.md`,
  },
  embedded: {
    start: 'npm start',
    startWithMine: `npm start -- --hpa ${pathOf('hpa.yaml')}`,
    load: (sockets, duration) => `./lab load ${sockets} --duration ${duration} ${onEmbedded}`,
    spike: `./lab load 40 ${onEmbedded}; ./lab load 400 --duration 30s ${onEmbedded}`,
    scale: (replicas) => `./lab scale ${replicas} ${onEmbedded}`,
    storm: (sockets) => `./lab storm --sockets ${sockets} ${onEmbedded}`,
    verify: './lab scaler replay --verify',
    record: `./lab workshop record ${onEmbedded}`,
    block: (step, which) => `the ${which} block of step ${Number.parseInt(step, 10)} in ${withoutDockerPage}`,
  },
}

/** Returns the commands for a kind of lab. */
export function commandsOf(kind: LocalKind): Commands {
  return commands[kind]
}
