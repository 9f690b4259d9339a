/** Renders the result of a parity run as a self-contained HTML file, in the style of the proof report. Pure. */
import { lineChart } from '@lab/report-kit/charts.ts'
import { escaped, page, table } from '@lab/report-kit/html.ts'
import { type ComparedMoment, eventBurst, levels, levelText } from './core/compare.ts'
import { type Change, maxAreaRatio, maxSyncsApart } from './core/curves.ts'
import { agreement, areaPercent, type Loop, mostApart, type ParityResult, problemsOf } from './core/result.ts'

export function parityHtml(result: ParityResult): string {
  const problems = problemsOf(result)
  return page(
    `${problems.length === 0 ? 'PASS' : 'FAIL'}: parity with kube-controller-manager ${result.kubernetes}`,
    `${header(result, problems)}
<main>
${openSection(result)}
${closedSection(result)}
${methodSection(result)}
</main>
<footer><p class="soft">Written by <code>./lab parity</code>.</p></footer>`,
  )
}

function header(result: ParityResult, problems: readonly string[]): string {
  const { startedAt, kubernetes, recording, syncPeriodSeconds, open, closed } = result
  const equal = ({ moments }: Loop) => moments.filter(({ differences }) => differences.length === 0).length
  const figures: [string, string][] = [
    [`${equal(open)} of ${open.moments.length}`, 'syncs are equal in the open loop'],
    [`${equal(closed)} of ${closed.moments.length}`, 'syncs are equal in the closed loop'],
    [areaPercent(closed.comparison), 'area between the replica curves'],
    [String(closed.comparison.changes.length), 'changes of the number of replicas in the closed loop'],
    [mostApart(closed.comparison), 'syncs between corresponding changes, at most'],
  ]
  const pass = problems.length === 0
  return `<header>
<h1>Parity of the lab's scaler with kube-controller-manager ${escaped(kubernetes)}</h1>
<p class="verdict ${pass ? 'good' : 'bad'}">${pass ? '✓ PASS' : '✗ FAIL'}</p>
${pass ? '<p>The controller and the lab agree at every sync.</p>' : `<ul>${problems.map((problem) => `<li>${escaped(problem)}.</li>`).join('')}</ul>`}
<p class="soft">Recording <code>${escaped(recording.id)}</code>${recording.source === '' ? '' : ` (${escaped(recording.source)})`}, played ${escaped(startedAt.slice(0, 16).replace('T', ' '))} UTC, with one sync every ${syncPeriodSeconds.toFixed(1)} s. ${timeScaleText(recording.timeScale)}</p>
<ul class="figures">
${figures.map(([value, what]) => `<li><b>${escaped(value)}</b> ${escaped(what)}</li>`).join('\n')}
</ul>
</header>`
}

function timeScaleText(timeScale: number): string {
  return timeScale === 1
    ? 'The periods and windows are the recorded ones.'
    : `All periods and windows were divided by ${timeScale} on both sides.`
}

function openSection({ open }: ParityResult): string {
  const { moments } = open
  const [first, last] = [moments[0]?.sync.atSeconds ?? 0, moments.at(-1)?.sync.atSeconds ?? 0]
  const line = (name: string, read: (moment: ComparedMoment) => number) => ({
    name,
    steps: true,
    points: moments.map((moment) => [moment.sync.atSeconds - first, read(moment)] as const),
  })
  return `<h2>Open loop</h2>
<p>Before each sync, the Deployment, the pods and the metrics were set to the recorded state. The controller's decision is compared with the
decision that the lab's engine makes for the same state at the time of the controller's sync.</p>
${lineChart({
  id: 'open',
  title: 'Desired replicas at the recorded state',
  text: 'Two step curves: status.desiredReplicas of the controller, and the desired number of replicas of the engine.',
  caption: 'Seconds of the run.',
  seconds: last - first,
  marks: [],
  lines: [
    line('kube-controller-manager', ({ sync }) => sync.status.desiredReplicas ?? 0),
    line("the lab's engine", ({ decision }) => decision.desiredReplicas),
  ],
})}
${agreementTable('open', open)}
${differenceTable('open', open)}`
}

function closedSection({ closed }: ParityResult): string {
  const { controller, replay, comparison } = closed
  const first = controller[0]?.atSeconds ?? 0
  const points = (curve: ParityResult['closed']['controller']) => curve.map((point) => [point.atSeconds - first, point.replicas] as const)
  const changeText = (change: Change | null) =>
    change === null ? 'none' : `${change.from} → ${change.to}, sync ${change.index + 1}, ${(change.atSeconds - first).toFixed(1)} s`
  return `<h2>Closed loop</h2>
<p>The recorded load was distributed evenly over the pods that the controller's own decisions made. The curve is compared with the curve of
<code>./lab scaler replay</code>, which uses the same load, the same model of the replicas, and the times of the controller's syncs, but makes its
own decisions.</p>
${lineChart({
  id: 'closed',
  title: 'Replicas',
  text: 'Two step curves: the number of replicas that the controller wrote, and the number of replicas of the replay. The grey area is what the load needs.',
  caption: 'Seconds of the run.',
  seconds: (controller.at(-1)?.atSeconds ?? 0) - first,
  marks: [],
  lines: [
    { name: 'kube-controller-manager', steps: true, points: points(controller) },
    { name: 'replay of the lab', steps: true, points: points(replay) },
  ],
  area: { name: 'needed at the targets', points: replay.map(({ atSeconds, needed }) => [atSeconds - first, needed ?? 0]) },
})}
${table({
  caption: 'Limits of the comparison',
  titles: ['What', 'Measured', 'Limit'],
  rows: [
    [
      'area between the curves ÷ area below the controller’s curve',
      { number: areaPercent(comparison) },
      { number: `below ${maxAreaRatio * 100} %` },
    ],
    ['syncs between corresponding changes', { number: mostApart(comparison) }, { number: `at most ${maxSyncsApart}` }],
  ],
})}
${table({
  caption: 'Changes of the number of replicas',
  titles: ['kube-controller-manager', 'Replay', 'Syncs apart'],
  rows: comparison.changes.map((change) => [
    changeText(change.controller),
    changeText(change.replay),
    { number: change.apart === null ? 'different' : String(change.apart) },
  ]),
})}
${agreementTable('closed', closed)}
${differenceTable('closed', closed)}`
}

function agreementTable(name: string, loop: Loop): string {
  const rows = levels.map((level) => {
    const { text, isFull } = agreement(loop, level)
    return [level, levelText[level], { html: `<span class="${isFull ? 'good' : 'bad'}">${text}</span>` }]
  })
  return table({ caption: `Equal syncs of the ${name} loop`, titles: ['Level', 'What is compared', 'Equal'], rows })
}

/** Maximum number of differences in a table. */
const shownDifferences = 100

function differenceTable(name: string, { moments }: Loop): string {
  const rows = moments.flatMap(({ differences }, i) =>
    differences.map(({ level, controller, engine }) => [String(i + 1), level, controller, engine]),
  )
  if (rows.length === 0) return ''
  const left = rows.length > shownDifferences ? `, the first ${shownDifferences} of ${rows.length}` : ''
  return table({
    caption: `Differences of the ${name} loop${left}`,
    titles: ['Sync', 'Level', 'kube-controller-manager', "The lab's engine"],
    rows: rows.slice(0, shownDifferences),
  })
}

function methodSection({ kubernetes, syncPeriodSeconds, open, closed }: ParityResult): string {
  const events = open.moments.reduce((sum, { decision }) => sum + decision.events.length, 0)
  const items = [
    `etcd, kube-apiserver and kube-controller-manager ${kubernetes} ran on this machine; only the HPA controller was enabled, and no pod was started.`,
    'The pods are objects in the API, with the recorded labels, requests, phases, start times and Ready conditions. The API stores whole seconds.',
    'The metrics were served as metrics.k8s.io, custom.metrics.k8s.io and external.metrics.k8s.io through API aggregation.',
    "The controller's moments, written counts, status and events are from the API server's audit log.",
    `The sync period of ${syncPeriodSeconds.toFixed(1)} s is slightly longer than the recorded one, so that no window ends in the same millisecond as a sync.`,
    'The times of conditions are equal if they differ by at most one second, because the controller sets them a few milliseconds after its sync has begun.',
    `The state was not complete before a sync, or changed during it, because the machine was too slow: ${open.late} times in the open loop, ${closed.late} times in the closed loop.`,
    `The controller sends at most ${eventBurst} events about one object at once; later events are not compared. The open loop had ${events}.`,
  ]
  return `<h2>How it was measured</h2><ul>${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}</ul>`
}
