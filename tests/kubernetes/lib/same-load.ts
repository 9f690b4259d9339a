/** Compares the replica curves of two labs that had the same load. Pure. */
import { lineChart } from '@lab/report-kit/charts.ts'
import { escaped, page, table } from '@lab/report-kit/html.ts'

/** The desired number of replicas from a time on. */
export interface Point {
  /** Seconds since the lab's first connections. */
  at: number
  replicas: number
}

export interface Comparison {
  /** Largest difference between the curves, in replicas. */
  most: number
  /** Longest time without interruption for which the curves differ. Seconds. */
  longestSeconds: number
}

const valueAt = (curve: readonly Point[], at: number) => curve.findLast((point) => point.at <= at)?.replicas ?? curve[0]?.replicas ?? 0

/** Returns the changes of a curve, that is, its points without repeated values. */
export function changesOf(curve: readonly Point[]): Point[] {
  return curve.filter(({ replicas }, i) => replicas !== curve[i - 1]?.replicas)
}

/** @param seconds length of the compared period */
export function compare(a: readonly Point[], b: readonly Point[], seconds: number): Comparison {
  const inside = [...a, ...b].map(({ at }) => at).filter((at) => at > 0 && at < seconds)
  const times = [0, ...new Set(inside.sort((x, y) => x - y)), seconds]
  let [most, longestSeconds, since] = [0, 0, Number.NaN]
  for (const [i, from] of times.slice(0, -1).entries()) {
    const difference = Math.abs(valueAt(a, from) - valueAt(b, from))
    most = Math.max(most, difference)
    if (difference === 0) since = Number.NaN
    else {
      if (Number.isNaN(since)) since = from
      longestSeconds = Math.max(longestSeconds, (times[i + 1] ?? from) - since)
    }
  }
  return { most, longestSeconds }
}

export interface SameLoad {
  compose: readonly Point[]
  cluster: readonly Point[]
  seconds: number
  sockets: number
  kubernetes: string
  date: string
}

/** Returns a page with both curves, in the style of the proof report. */
export function sameLoadHtml({ compose, cluster, seconds, sockets, kubernetes, date }: SameLoad): string {
  const { most, longestSeconds } = compare(compose, cluster, seconds)
  const texts = (curve: readonly Point[]) => changesOf(curve).map(({ at, replicas }) => `${replicas} from ${Math.max(0, at).toFixed(1)} s`)
  const [one, other] = [texts(compose), texts(cluster)]
  const line = (name: string, curve: readonly Point[]) => ({
    name,
    steps: true,
    points: [...curve.map(({ at, replicas }) => [Math.max(0, at), replicas] as const), [seconds, valueAt(curve, seconds)] as const],
  })
  return page(
    'The same load on Compose and in a cluster',
    `<header>
<h1>The same load on Compose and in a cluster</h1>
<p class="soft">Measured ${escaped(date)} with Kubernetes ${escaped(kubernetes)}.</p>
<ul class="figures">
<li><b>${most}</b> replicas, at most, between the curves</li>
<li><b>${longestSeconds.toFixed(1)} s</b> longest time with a difference</li>
<li><b>${sockets}</b> sockets opened by k6 in each lab</li>
</ul>
</header>
<main>
<h2>Desired replicas</h2>
<p>The lab's scaler on Compose and the HPA in the cluster read the same HorizontalPodAutoscaler file. Both labs ran the same image and the same k6
script at the same time on one machine. The time starts with each lab's first connections.</p>
${lineChart({
  id: 'same-load',
  title: 'Desired replicas',
  text: 'Two step curves: the desired number of replicas of the scaler on Compose and of the HPA in the cluster.',
  caption: 'Seconds since the first connections.',
  seconds,
  marks: [],
  lines: [line('Compose, the scaler', compose), line('cluster, the HPA', cluster)],
})}
${table({
  caption: 'Changes',
  titles: ['Compose', 'Cluster'],
  rows: Array.from({ length: Math.max(one.length, other.length) }, (_, i) => [one[i] ?? 'none', other[i] ?? 'none']),
})}
</main>`,
  )
}
