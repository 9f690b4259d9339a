/** Checks workshop steps 8 to 10: draining replicas, killed replicas, and an unavailable store. Pure. */
import { commandsOf } from './commands.ts'
import type { Facts } from './facts.ts'
import { lookBackMinutes } from './learner.ts'
import { type Question, storeAlert } from './questions.ts'
import { type Criterion, criterion } from './results.ts'

/**
 * Factor by which random delays must reduce the peak reconnect rate. The workshop accepts a smaller reduction than the factor of five that
 * `./lab storm` expects with 2,000 sockets, because learners may use fewer sockets.
 */
const peakFallsBy = 2
const block = 'the second block of workshop/08-drain-and-loss.md'

export function drainAndLoss({ ledger, answers }: Facts): Criterion[] {
  const answer = (question: Question) => (ledger === undefined ? 0 : (answers[question] ?? 0))
  const accepted = answer('ledgerAccepted')
  const findings = answer('ledgerFindings')
  const goodbyes = answer('drainGoodbyes')
  const restarted = answer('replicasRestarted')
  const drained = answer('replicasDrained')
  const seen = (text: string) => (accepted > 0 ? text : `no ledger of this lab in the last ${lookBackMinutes} minutes`)
  return [
    criterion('a ledger was recorded', accepted > 0, seen(`${accepted} messages accepted`), block),
    criterion('a replica with sockets was drained meanwhile', goodbyes > 0, seen(`${goodbyes} sockets were asked to reconnect`), block),
    criterion(
      'a replica was killed meanwhile',
      restarted > drained,
      seen(`replicas restarted ${restarted} times, ${drained} of them after a drain`),
      block,
    ),
    criterion(
      'no accepted message was lost, duplicated or reordered',
      accepted > 0 && findings === 0,
      seen(`${findings} findings`),
      `${block}; if there are findings again: ./lab logs ws --since 5m`,
    ),
  ]
}

export function reconnectStorm({ kind, storm }: Facts): Criterion[] {
  const command = commandsOf(kind).storm(kind === 'compose' ? 2000 : 1000)
  const seen = storm === undefined ? 'no storm within the last hour' : storm.here ? undefined : 'the last report is from another lab'
  const ratio = storm && storm.jittered.peak > 0 ? storm.naive.peak / storm.jittered.peak : 0
  return [
    criterion(
      'a replica with naive clients was killed',
      seen === undefined && (storm?.naive.lost ?? 0) > 0,
      seen ?? `${storm?.naive.lost} sockets lost, at most ${storm?.naive.peak} reconnects in one second`,
      command,
    ),
    criterion(
      'a replica with clients that wait for a random time was killed',
      seen === undefined && (storm?.jittered.lost ?? 0) > 0,
      seen ?? `${storm?.jittered.lost} sockets lost, at most ${storm?.jittered.peak} reconnects in one second`,
      command,
    ),
    criterion(
      `the random delays lower the peak at least ${peakFallsBy} times`,
      seen === undefined && ratio >= peakFallsBy,
      seen ?? `${ratio.toFixed(1)} times lower`,
      `${command}, with nothing else running on this machine`,
    ),
  ]
}

export function chaos({ answers }: Facts): Criterion[] {
  const command = './lab chaos valkey-down --for 45s --check'
  const away = answers.storeAway ?? 0
  const alerted = (answers.storeAlerted ?? 0) > 0
  const alertsNow = answers.storeAlertsNow ?? 0
  const up = answers.storeUpNow === 1
  return [
    criterion(
      'Valkey was unavailable',
      alerted && away > 0,
      alerted ? `${away} replicas reported the outage` : 'not long enough for an alert',
      command,
    ),
    criterion(`the alert ${storeAlert} fired`, alerted, alerted ? 'it fired' : 'not within the last hour', command),
    criterion(
      'the lab has recovered',
      alerted && alertsNow === 0 && up,
      !up
        ? 'a replica has no connection to Valkey'
        : alertsNow > 0
          ? `${alertsNow} alerts are still firing`
          : alerted
            ? 'every replica is connected to Valkey'
            : 'there was no outage yet',
      alerted ? 'docker compose start valkey, and wait a minute' : command,
    ),
  ]
}
