/** Generates docs/chaos.md from the fault catalogue. */
import { type FaultName, faults, planFaultNames, singleFaultNames } from '@lab/faults/catalogue/index.ts'
import { sampleFacts } from '@lab/faults/core/sample-facts.ts'
import type { Expectation } from '@lab/faults/fault.ts'
import { code, heading, table } from '@lab/host/markdown.ts'
import { type LabKind, labKinds } from '@lab/lab/lab.ts'

/**
 * Measured delays in seconds: from the start of a fault until Alertmanager receives the alert, and from the end of the fault until the
 * alert resolves. These delays were measured in one run with five replicas on two busy cores.
 */
const measured: Partial<Record<FaultName, readonly [number, number]>> = {
  kill: [14, 48],
  pause: [32, 2],
  memory: [35, 4],
  busy: [26, 10],
  partition: [23, 7],
  'valkey-down': [17, 6],
  'scrape-gap': [31, 6],
}

const expectationsOf = (name: FaultName, kind: LabKind): readonly Expectation<LabKind>[] => {
  const { compose, embedded, kubernetes } = faults[name].on
  const facts = sampleFacts(Math.max(compose?.seconds ?? 0, embedded?.seconds ?? 0))
  const drafts = {
    compose: compose?.draft(facts.compose),
    embedded: embedded?.draft(facts.embedded),
    kubernetes: kubernetes?.draft(facts.kubernetes),
  }
  return drafts[kind]?.expect ?? []
}

/** Returns the alerts that a fault causes in the Compose lab, each with its time limit. */
function alertsOf(name: FaultName): { alert: string; phase: string; withinSeconds: number }[] {
  return expectationsOf(name, 'compose').flatMap(({ check, phase, withinSeconds }) =>
    check.kind === 'alert' && withinSeconds !== undefined ? [{ alert: check.labels.alertname ?? '', phase, withinSeconds }] : [],
  )
}

/**
 * Returns a fault's first effect, ignoring alerts and effects on Traefik or a container, unless there is no other evidence. Uses the
 * expectations for Compose if there are any; otherwise, those for the embedded lab.
 */
function firstSign(name: FaultName): string {
  const sign = (kind: LabKind) => {
    const changes = expectationsOf(name, kind).filter(({ phase, withinSeconds }) => phase === 'during' && withinSeconds !== undefined)
    return (changes.find(({ check }) => !['alert', 'entry', 'container'].includes(check.kind)) ?? changes.find((one) => one.evidence))?.what
  }
  return sign('compose') ?? sign('embedded') ?? ''
}

function faultRows(): string[][] {
  return singleFaultNames.map((name) => {
    const { on, what } = faults[name]
    const alerts = new Set(alertsOf(name).map(({ alert }) => `[${alert}](runbooks/${alert}.md)`))
    return [
      code(name),
      what,
      ...labKinds.map((kind) => (on[kind] === undefined ? '-' : `${on[kind].seconds} s`)),
      firstSign(name),
      [...alerts].join(', ') || 'none',
    ]
  })
}

function planRows(): string[][] {
  return planFaultNames.map((name) => {
    const { on, what, inPlan } = faults[name]
    const where = labKinds.map((kind) => (on[kind] === undefined ? '-' : 'yes'))
    return [code(name), what, ...where, `${inPlan?.lastsSeconds} s`, inPlan?.mayEnd.map(code).join(', ') || 'none']
  })
}

function measuredRows(): string[][] {
  return Object.entries(measured).map(([name, figures]) => {
    const alerts = alertsOf(name as FaultName)
    const bound = (phase: string) => Math.max(...alerts.filter((one) => one.phase === phase).map(({ withinSeconds }) => withinSeconds))
    return [code(name), ...figures.map(String), `${bound('during')}, ${bound('after')}`]
  })
}

/** Renders the chaos page as Markdown. */
export function chaosPage(): string {
  return `${heading('Chaos', 'tools/faults/catalogue/ and tools/generate/chaos.ts')}
\`./lab chaos\` injects one fault into a running lab. Before it starts the fault, the command prints its expectations: which metric will
change, which alert will fire, and how long the recovery will take. With \`--check\`, \`./lab chaos\` checks the expectations and reports
the result in its exit code.

\`\`\`sh
./lab chaos list
./lab chaos pause --replica ws-2 --for 90s --check
\`\`\`

\`--on embedded\` selects the lab that \`npm start\` runs; if its live page has a different address, add that address, for example
\`--page http://localhost:3001\`. \`--on kubernetes\` selects the [lab in a cluster](kubernetes.md#use-the-lab-commands).

${table(['fault', 'effect', 'duration on Compose', 'on the embedded lab', 'on Kubernetes', 'first effect', 'alert'], faultRows())}

The table shows the effects of each fault on \`ws-2\`, one of three replicas. A dash means that the fault does not exist on this kind
of lab. The \`scaler-kill\` fault needs a lab with its scaler (\`./lab up --k8s-sim\`). While Traefik is stopped, no host port answers, so
\`./lab chaos\` can read metrics and alerts only afterwards.

## Time limits and undo

- A fault lasts 5 s to 10 min (\`--for\`). The default duration of each fault is long enough for its alert to fire. If \`--for\` is shorter,
  the command lists the expectations that cannot be met in this time, and does not check them.
- Each fault is undone when it ends and on Ctrl-C. A partially started fault is undone, too. If one undo step fails, the other undo steps
  still run. The command prints in advance how to undo the fault manually, in case the command itself is killed. The \`memory\` and \`busy\`
  faults, and all faults on the embedded lab, end even if the command is killed.
- A fault is rejected if it would leave no replica to serve clients: \`kill\`, \`pause\` and \`drain\` need at least two replicas. Only the
  \`pause-all\` fault may stop every replica.
- \`--check\` also starts six clients that send messages in a room, because some faults are visible only under traffic. With \`--check\`,
  the command does not start a fault whose expected alert is already firing.
- The exit code is 0 if all expectations were met, 1 if not, 2 if the fault could not be started or undone, and 130 if the command was
  interrupted and the fault was undone.
- The scaler may start and remove replicas during a fault. To rule out any influence of the scaler, pause it: \`./lab scaler pause\`.

## Faults of a plan

[\`./lab prove\`](delivery.md) injects many faults one after another under load, according to a plan. \`./lab chaos\` and \`./lab prove\`
share one fault catalogue and one fault engine. The \`--faults\` option of \`./lab prove\` accepts the fault names in the following table.
During a fault, the affected replica's connections may close only for the reasons in the table's last column.

${table(['fault', 'effect', 'Compose', 'embedded', 'Kubernetes', 'duration', 'allowed reasons for closed connections'], planRows())}

## Implementation

**A fault is data.** Each fault is a file in \`tools/faults/catalogue/\` with one pure function for each kind of lab. The function returns
the steps that start the fault, the steps that undo it, and the expectations with their time limits. \`tools/faults/engine.ts\` runs all
faults for \`chaos\`, \`prove\`, \`storm\`, \`demo\` and the alert tests. To add a fault, add a file to the folder and a line to
\`catalogue/index.ts\`, and regenerate this page with \`npm run generate\`.

The **\`memory\` and \`busy\`** faults affect the replica's process itself. The SIGUSR1 signal opens Node's debugger, which is reachable
only inside the container. A program in the same container injects a few lines of code into the replica's process and closes the debugger
again. The injected code affects the replica's real metrics and alerts, and the container's limits (\`mem_limit\`, \`cpus\`) protect the
machine. A separate process in the container would not appear in the replica's metrics.

The **\`slow-network\`** fault uses [toxiproxy](https://github.com/Shopify/toxiproxy), a service in the \`chaos\` profile that runs only
during this fault. Toxiproxy runs in the network namespace of the Valkey container. Valkey is switched to another port
(\`CONFIG SET port\`), toxiproxy listens on port 6379, and existing connections are closed, so that every replica reconnects through
toxiproxy. The \`slow-network\` fault changes no names, addresses or replicas. If the added latency exceeds about 300 ms, replicas cannot
reach Valkey, because connecting takes three round trips and must be complete within a second.

The **\`partition\`** fault disconnects the replica from the \`stores\` Docker network. As when a cable is unplugged, no connection is
closed, and the replica must detect the network loss itself.

**On the embedded lab**, the router and the replicas are processes that communicate over the loopback interface. The router connects to each
replica through a simulated network (\`embedded/src/simulated-connection.ts\`), which can delay data and connection closes. Delayed data and
delayed connection closes arrive when the \`partition\` fault ends.

## Measured times

\`tests/chaos/01-chaos.test.ts\` runs each fault once with \`--check\` on the Compose lab. Faults that do not affect each other run at the
same time. \`tools/chaos/embedded.test.ts\` runs each fault on the embedded lab. The table shows the time in seconds from the start of the
fault until Alertmanager received the alert, and the time from the end of the fault until the alert was resolved. Both times were measured
with five replicas on two busy cores:

${table(['fault', 'alert after', 'resolved after', 'limits'], measuredRows())}
`
}
