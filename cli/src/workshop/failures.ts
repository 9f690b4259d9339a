/** Steps 8 to 10: replicas that leave, that die, and a store that goes away. Pure. */
import { type Facts, lookBackMinutes } from './facts.ts'
import { type Question, storeAlert } from './questions.ts'
import { type Verdict, verdict } from './verdict.ts'

/** By how many times waiting a random time lowers the peak. With 2,000 sockets `npm run storm` wants five; few sockets dial once anyway. */
const peakFallsBy = 2
const block = 'the second block of workshop/08-drain-and-loss.md'

export function drainAndLoss({ ledger, answers }: Facts): Verdict[] {
  const answer = (question: Question) => (ledger === undefined ? 0 : (answers[question] ?? 0))
  const accepted = answer('ledgerAccepted')
  const findings = answer('ledgerFindings')
  const goodbyes = answer('drainGoodbyes')
  const restarted = answer('replicasRestarted')
  const drained = answer('replicasDrained')
  const seen = (text: string) => (accepted > 0 ? text : `no ledger of this lab in the last ${lookBackMinutes} minutes`)
  return [
    verdict('a ledger was kept', accepted > 0, seen(`${accepted} messages accepted`), block),
    verdict('a replica with sockets was drained meanwhile', goodbyes > 0, seen(`${goodbyes} sockets were told goodbye`), block),
    verdict(
      'and one was killed',
      restarted > drained,
      seen(`${restarted} times a replica was started again, ${drained} of them after a drain`),
      block,
    ),
    verdict(
      'no accepted message was lost, doubled or reordered',
      accepted > 0 && findings === 0,
      seen(`${findings} findings`),
      `${block}; if it finds something again: npx lab logs ws --since 5m`,
    ),
  ]
}

export function reconnectStorm({ storm, answers }: Facts): Verdict[] {
  const here = (answers.stormDials ?? 0) > 0
  const command = 'npm run storm -- --sockets 2000'
  const seen = storm === undefined ? 'no storm within the hour' : here ? undefined : 'reports/storm.json is of another lab'
  const ratio = storm && storm.jittered.peak > 0 ? storm.naive.peak / storm.jittered.peak : 0
  return [
    verdict(
      'a replica died under naive clients',
      seen === undefined && (storm?.naive.lost ?? 0) > 0,
      seen ?? `${storm?.naive.lost} sockets cut off, at most ${storm?.naive.peak} dials in one second`,
      command,
    ),
    verdict(
      'and under clients that wait a random time',
      seen === undefined && (storm?.jittered.lost ?? 0) > 0,
      seen ?? `${storm?.jittered.lost} sockets cut off, at most ${storm?.jittered.peak} dials in one second`,
      command,
    ),
    verdict(
      `their peak is ${peakFallsBy} times lower, or more`,
      seen === undefined && ratio >= peakFallsBy,
      seen ?? `${ratio.toFixed(1)} times lower`,
      `${command}, with nothing else running on this machine`,
    ),
  ]
}

export function chaos({ answers }: Facts): Verdict[] {
  const command = 'npx lab chaos valkey-down --for 45s --check'
  const away = answers.storeAway ?? 0
  const alerted = (answers.storeAlerted ?? 0) > 0
  const alertsNow = answers.storeAlertsNow ?? 0
  const up = answers.storeUpNow === 1
  return [
    verdict(
      'Valkey was away',
      alerted && away > 0,
      alerted ? `${away} readings of replicas said so` : 'not for long enough to be an alert',
      command,
    ),
    verdict(`the alert ${storeAlert} fired`, alerted, alerted ? 'it did' : 'not within the hour', command),
    verdict(
      'all is well again',
      alerted && alertsNow === 0 && up,
      !up
        ? 'a replica is without Valkey'
        : alertsNow > 0
          ? `${alertsNow} of them fire still`
          : alerted
            ? 'no replica is without Valkey'
            : 'nothing was broken yet',
      alerted ? 'docker compose start valkey, and wait a minute' : command,
    ),
  ]
}
