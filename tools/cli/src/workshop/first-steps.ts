/** Checks workshop steps 1 to 3: a running lab, sticky sessions, and dashboard panels. Pure. */
import { stickyCookie } from '@lab/contract/endpoints.ts'
import { commandsOf } from './commands.ts'
import type { Facts } from './facts.ts'
import { type LearnerFile, pathOf } from './learner.ts'
import { readingMinutes } from './questions.ts'
import { type Criterion, criterion } from './results.ts'

/** Maximum relative error of a number that the learner has read from a graph. */
const readingTolerance = 0.1
const panelSockets = 200

export function firstSocket({ kind, needed, services, replicas, answers }: Facts): Criterion[] {
  const { start, load } = commandsOf(kind)
  const missing = needed.filter((service) => !services.includes(service))
  const opened = answers.socketsOpened ?? 0
  const messages = answers.messagesUnderstood ?? 0
  return [
    criterion(
      'the lab runs with at least two replicas',
      missing.length === 0 && replicas.length >= 2,
      missing.length === 0 ? `${replicas.length} are ready` : `not ready: ${missing.join(', ')}`,
      start,
    ),
    criterion('a socket was opened', opened >= 1, `${opened} within the last hour`, load(1, '10s')),
    criterion('a message was answered', messages >= 1, `${messages} within the last hour`, load(1, '10s')),
  ]
}

export function stickiness({ kind, files, answers }: Facts): Criterion[] {
  const block = (which: string) => commandsOf(kind).block('02-stickiness', which)
  const without = replicaNames(files['without-cookie.txt']?.text)
  const withCookie = replicaNames(files['with-cookie.txt']?.text)
  const hasCookie = files['cookies.txt']?.text.includes(stickyCookie) ?? false
  const asked = answers.replicasAskedForHealth ?? 0
  return [
    criterion(
      'without a cookie, requests go to different replicas',
      without.length >= 4 && new Set(without).size >= 2,
      answersSeen('without-cookie.txt', without),
      block('first'),
    ),
    criterion(
      'the replicas counted the requests',
      // Recorded requests to /health are not sufficient evidence, because the lab itself sends some when it starts, so the learner's file
      // is also required.
      asked >= 2 && without.length > 0,
      `${asked} replicas answered /health within the last hour`,
      `${block('first')}, then wait 5 s for the next scrape`,
    ),
    criterion(
      `the cookie ${stickyCookie} was stored`,
      hasCookie,
      hasCookie ? `it is in ${pathOf('cookies.txt')}` : `not in ${pathOf('cookies.txt')}`,
      block('second'),
    ),
    criterion(
      'with the cookie, every request reaches the same replica',
      withCookie.length >= 4 && new Set(withCookie).size === 1,
      answersSeen('with-cookie.txt', withCookie),
      block('second'),
    ),
  ]
}

export function readingThePanels({ kind, files, answers }: Facts): Criterion[] {
  const { load, scale, block } = commandsOf(kind)
  const peak = answers.peakSockets ?? 0
  const fullest = answers.fullestReplica ?? 0
  const noted = Number(files['peak.txt']?.text.trim() || Number.NaN)
  const again = `${load(300, '1m')}, then ${block('03-reading-the-panels', 'second')}`
  const right = Math.abs(noted - peak) <= peak * readingTolerance
  return [
    criterion(
      `${panelSockets} sockets were open at once`,
      peak >= panelSockets,
      `${peak} at most in the ${readingMinutes} minutes before ${pathOf('peak.txt')} was written`,
      again,
    ),
    criterion(
      'no replica held all of them',
      fullest > 0 && fullest < peak,
      `${fullest} sockets on the fullest replica`,
      `${scale(3)}, then ${again}`,
    ),
    criterion(
      'the noted peak is correct',
      peak > 0 && right,
      Number.isNaN(noted) ? `no number in ${pathOf('peak.txt')}` : `the file has ${noted}, the lab has recorded ${peak}`,
      `write the highest number of the panel "Total connections over time" into ${pathOf('peak.txt')}`,
    ),
  ]
}

function replicaNames(text = ''): string[] {
  return text.match(/\bws-\d+\b/g) ?? []
}

function answersSeen(file: LearnerFile, names: readonly string[]): string {
  return names.length === 0
    ? `no answer in ${pathOf(file)}`
    : `${names.length} ${names.length === 1 ? 'answer' : 'answers'}, from ${[...new Set(names)].sort().join(', ')}`
}
