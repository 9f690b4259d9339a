/** Steps 1 to 3: the lab runs, sockets stick, panels are read. Pure. */
import { services, stickyCookie } from '@lab/contract/endpoints.ts'
import { type Facts, type LearnerFile, learnerFolder } from './facts.ts'
import { readingMinutes } from './questions.ts'
import { type Verdict, verdict } from './verdict.ts'

/** How far a number read from a graph may be off. */
const readingTolerance = 0.1
const panelSockets = 200

export function firstSocket({ services: running, replicas, answers }: Facts): Verdict[] {
  const wanted = [services.traefik, services.prometheus, services.valkey]
  const missing = wanted.filter((service) => !running.includes(service))
  const opened = answers.socketsOpened ?? 0
  const messages = answers.messagesUnderstood ?? 0
  return [
    verdict(
      'the lab runs with two replicas or more',
      missing.length === 0 && replicas.length >= 2,
      missing.length === 0 ? `${replicas.length} are ready` : `${missing.join(', ')} not ready`,
      'npx lab up',
    ),
    verdict('a socket was opened', opened >= 1, `${opened} within the hour`, 'npx lab load 1 --duration 10s'),
    verdict('a message was answered', messages >= 1, `${messages} within the hour`, 'npx lab load 1 --duration 10s'),
  ]
}

export function stickiness({ files, answers }: Facts): Verdict[] {
  const without = replicaNames(files['without-cookie.txt']?.text)
  const withCookie = replicaNames(files['with-cookie.txt']?.text)
  const hasCookie = files['cookies.txt']?.text.includes(stickyCookie) ?? false
  const asked = answers.replicasAskedForHealth ?? 0
  return [
    verdict(
      'without a cookie, requests go round',
      without.length >= 4 && new Set(without).size >= 2,
      answersSeen('without-cookie.txt', without),
      'the first block of workshop/02-stickiness.md',
    ),
    verdict(
      'the replicas were asked, says Prometheus',
      asked >= 2,
      `${asked} answered /health within the hour`,
      'the first block of workshop/02-stickiness.md, then wait 5 s for the next scrape',
    ),
    verdict(
      `the cookie ${stickyCookie} was kept`,
      hasCookie,
      hasCookie ? `it is in ${pathOf('cookies.txt')}` : `not in ${pathOf('cookies.txt')}`,
      'the second block of workshop/02-stickiness.md',
    ),
    verdict(
      'with it, each request reaches the same replica',
      withCookie.length >= 4 && new Set(withCookie).size === 1,
      answersSeen('with-cookie.txt', withCookie),
      'the second block of workshop/02-stickiness.md',
    ),
  ]
}

export function readingThePanels({ files, answers }: Facts): Verdict[] {
  const peak = answers.peakSockets ?? 0
  const fullest = answers.fullestReplica ?? 0
  const noted = Number(files['peak.txt']?.text.trim() || Number.NaN)
  const again = 'npx lab load 300 --duration 1m, then the second block of workshop/03-reading-the-panels.md'
  const right = Math.abs(noted - peak) <= peak * readingTolerance
  return [
    verdict(
      `${panelSockets} sockets were open at once`,
      peak >= panelSockets,
      `${peak} at most in the ${readingMinutes} minutes before ${pathOf('peak.txt')} was written`,
      again,
    ),
    verdict('no replica held all of them', fullest > 0 && fullest < peak, `${fullest} on the fullest`, `npx lab scale 3, then ${again}`),
    verdict(
      'you have read the peak',
      peak > 0 && right,
      Number.isNaN(noted) ? `no number in ${pathOf('peak.txt')}` : `you wrote ${noted}, Prometheus has ${peak}`,
      `write the highest number of the panel "Total connections over time" into ${pathOf('peak.txt')}`,
    ),
  ]
}

/** A learner's file, as a person types it. */
export function pathOf(file: LearnerFile): string {
  return `${learnerFolder}/${file}`
}

function replicaNames(text = ''): string[] {
  return text.match(/\bws-\d+\b/g) ?? []
}

function answersSeen(file: LearnerFile, names: readonly string[]): string {
  return names.length === 0 ? `no answer in ${pathOf(file)}` : `${names.length} answers, from ${[...new Set(names)].sort().join(', ')}`
}
