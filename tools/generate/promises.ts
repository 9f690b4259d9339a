/** Lists the promises of the README and the documentation with the tests that check them, and generates docs/promises.md. */
import { code, heading, table } from '@lab/host/markdown.ts'

/** A sentence, or a part of one, that promises something to users of the lab. */
export interface Promised {
  /** The page that contains the promise, relative to the repository root. */
  page: string
  /** The promise as on the page. */
  text: string
  /** The test file that checks the promise, relative to the repository root. */
  file: string
  /** The name of the test in that file. */
  test: string
}

/** All promises, in the order of the page. `tests/repo/promises.test.ts` checks that each text and each test exists. */
export const promises: readonly Promised[] = [
  {
    page: 'README.md',
    text: 'Node 20 or later',
    file: 'tests/repo/fresh-clone.test.ts',
    test: 'from clone to a scaling event with the two commands of the README, in under two minutes',
  },
  {
    page: 'README.md',
    text: 'a scaler makes the same decisions as Kubernetes',
    file: 'scaler/src/conformance/conformance.test.ts',
    test: 'passes on every level',
  },
  {
    page: 'README.md',
    text: 'The scaler starts more replicas within seconds.',
    file: 'tests/browser/live-page.test.ts',
    test: 'load 500: within 20 s there are 5 replicas, and the decision shows the formula',
  },
  {
    page: 'README.md',
    text: 'its clients reconnect to the other replicas',
    file: 'tests/browser/live-page.test.ts',
    test: 'a kill: the card disappears, the sockets reconnect, and the scaler starts another replica',
  },
  {
    page: 'README.md',
    text: 'clients keep their sessions when they reconnect, and no message is lost',
    file: 'tools/prove/embedded.test.ts',
    test: 'nothing is lost during a drain, a crash and connection resets',
  },
  {
    page: 'README.md',
    text: 'When idle, the Docker version takes less than 470 MiB of memory',
    file: 'tests/stack/01-start.test.ts',
    test: 'the idle stack uses less memory than the README states',
  },
  {
    page: 'README.md',
    text: '`./lab doctor` checks whether the lab can run on your machine.',
    file: 'tests/stack/20-cli.test.ts',
    test: 'finds the engine, and recognises the ports of the running lab',
  },
  {
    page: 'README.md',
    text: 'rise to 300, spread evenly across the replicas',
    file: 'tests/stack/05-load.test.ts',
    test: 'has its 300 sockets open on the replicas at the same time',
  },
  {
    page: 'README.md',
    text: 'All ports are bound to 127.0.0.1 only.',
    file: 'tests/stack/01-start.test.ts',
    test: 'all ports bind 127.0.0.1 and belong to Traefik',
  },
  {
    page: 'README.md',
    text: 'Requests from other origins are refused unless `ALLOWED_ORIGINS` lists them.',
    file: 'tests/stack/07-foreign-pages.test.ts',
    test: 'allows additional origins and their hosts',
  },
  {
    page: 'README.md',
    text: 'a change one replica at a time',
    file: 'tests/stack/22-rollout.test.ts',
    test: 'no socket was cut off, and each client moved once',
  },
  {
    page: 'README.md',
    text: 'Remove the lab and its data',
    file: 'tests/stack/99-readme.test.ts',
    test: 'the cleanup removes everything',
  },
  {
    page: 'README.md',
    text: 'thirteen steps, each with a check',
    file: 'tests/workshop/01-steps.test.ts',
    test: 'all checks still pass at the end',
  },
  {
    page: 'docs/delivery.md',
    text: "every member of the room receives the message once, and all members receive the room's messages in the same order",
    file: 'tests/stack/13-prove.test.ts',
    test: 'during ten drains with 500 sockets',
  },
  {
    page: 'docs/delivery.md',
    text: 'holds even while replicas start, stop, crash or freeze, and while Valkey is temporarily unavailable',
    file: 'tests/stack/13-prove.test.ts',
    test: 'during one fault of every other kind',
  },
  {
    page: 'docs/delivery.md',
    text: 'When the queue is full, the replica responds with `rooms_unavailable`',
    file: 'tests/stack/11-room-log.test.ts',
    test: 'messages wait up to the limit, further ones are refused, and waiting ones are stored later',
  },
  {
    page: 'docs/deploys.md',
    text: 'the number of running replicas never falls below the desired number',
    file: 'tests/stack/22-rollout.test.ts',
    test: 'no socket was cut off, and each client moved once',
  },
  {
    page: 'docs/deploys.md',
    text: 'client reconnects only once',
    file: 'tests/stack/22-rollout.test.ts',
    test: 'sockets in rooms lose, double and reorder no message, and move at most 1.1 times each',
  },
  {
    page: 'docs/deploys.md',
    text: 'open when a deploy switches colours moves only once',
    file: 'tests/stack/23-deploy.test.ts',
    test: 'nobody was cut off, and each moved once',
  },
  {
    page: 'docs/deploys.md',
    text: 'Nothing is lost if a rollout is interrupted by Ctrl-C',
    file: 'tests/chaos/03-rollout-interrupted.test.ts',
    test: 'Ctrl-C ends the command before its next step with a one-line message, and resume continues the rollout',
  },
  {
    page: 'docs/deploys.md',
    text: 'A restart of Traefik only delays a rollout. An outage of Valkey does not stop a rollout',
    file: 'tests/chaos/03-rollout-interrupted.test.ts',
    test: 'a restart of Traefik, an outage of Valkey and a killed replica of the new version only delay the rollout',
  },
  {
    page: 'docs/scaler-commands.md',
    text: 'recomputes every recorded decision, and fails if a result differs',
    file: 'tests/k8s-sim/03-connections.test.ts',
    test: 'a replay of the decision log reproduces every decision',
  },
  {
    page: 'docs/scaler-commands.md',
    text: 'the scaler continues to make decisions while it is paused',
    file: 'tests/k8s-sim/02-ports.test.ts',
    test: 'a paused scaler continues to decide, but does not act',
  },
  {
    page: 'docs/SECURITY.md',
    text: 'Containers run with a read-only file system, without unneeded Linux capabilities, and with limits',
    file: 'tests/stack/01-start.test.ts',
    test: 'has log rotation, a memory limit, no capabilities and a read-only root file system',
  },
  {
    page: 'docs/SECURITY.md',
    text: "can only read information about this project's containers",
    file: 'tests/stack/02-socket-proxy.test.ts',
    test: 'contains only containers of this project',
  },
  {
    page: 'docs/SECURITY.md',
    text: 'the scaler can only change the number of replicas',
    file: 'tests/k8s-sim/01-actuator.test.ts',
    test: 'the refused requests have changed nothing',
  },
  {
    page: 'docs/SECURITY.md',
    text: 'A client cannot exhaust a replica with large or frequent messages, many connections, slow reads or unfinished handshakes',
    file: 'services/ws/test/fuzz.test.ts',
    test: 'leak no socket, no memory and no message',
  },
  {
    page: 'docs/SECURITY.md',
    text: 'Logs contain neither messages nor tokens',
    file: 'services/ws/test/environment.test.ts',
    test: 'are JSON lines with replica, connection id and request id, and without secrets',
  },
  {
    page: 'docs/SECURITY.md',
    text: '`./lab report` removes secrets from the data that it collects',
    file: 'tests/stack/20-cli.test.ts',
    test: 'a report has all parts, and no secret',
  },
  {
    page: 'docs/SECURITY.md',
    text: 'Packages, images and GitHub Actions are pinned to specific versions.',
    file: 'tests/repo/hygiene.test.ts',
    test: 'direct dependencies are pinned to one version',
  },
  {
    page: 'docs/faq.md',
    text: 'The same HPA file also works unchanged in a cluster',
    file: 'tests/kubernetes/08-same-load.test.ts',
    test: 'both use the same HPA file',
  },
  {
    page: 'docs/faq.md',
    text: 'Can I run two labs on one machine?',
    file: 'tests/stack/20-cli.test.ts',
    test: 'both labs answer, each with its own replicas',
  },
  {
    page: 'docs/workshop-host.md',
    text: 'can show the progress of up to 60 labs on one page',
    file: 'tools/cli/src/workshop/host/host.test.ts',
    test: 'the numbers of labs and of reports are bounded',
  },
  {
    page: 'docs/workshop-host.md',
    text: 'A lab that has not reported for 45 seconds is marked as silent.',
    file: 'tests/browser/workshop-room.test.ts',
    test: 'labs without Docker, labs that do not run, and labs that stopped reporting differ by words',
  },
  {
    page: 'workshop/without-docker.md',
    text: 'Nine of the thirteen steps also work on the embedded lab',
    file: 'tests/repo/workshop-without-docker.test.ts',
    test: 'the page has all steps that work without Docker, in order, each with its check',
  },
  {
    page: 'workshop/short.md',
    text: 'This variant consists of four of the thirteen steps',
    file: 'tests/repo/workshop.test.ts',
    test: 'the steps exist, are in order, and fit into 30 minutes without a gap',
  },
]

/** Returns the command that runs a test file. */
function commandOf(file: string): string {
  const suite = /^tests\/(stack|k8s-sim|alerts|chaos|demo|kubernetes|workshop)\//.exec(file)?.[1]
  return `npm run test:${suite ?? 'unit'} -- ${file}`
}

/** Renders the page of promises as Markdown. */
export function promisesPage(): string {
  const pages = [...new Set(promises.map(({ page }) => page))]
  const sections = pages.map((page) => {
    const rows = promises
      .filter((one) => one.page === page)
      .map(({ text, file, test }) => [text.replaceAll('|', '\\|'), test, code(commandOf(file))])
    return `## ${page}\n\n${table(['Promise', 'Test', 'Command'], rows)}\n`
  })
  return `${heading('Promises and their tests', 'tools/generate/promises.ts')}
This page lists what the README and the documentation promise, and the test that fails if the promise is broken.

${sections.join('\n')}`
}
