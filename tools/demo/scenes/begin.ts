/** Defines the steps with which most scenes begin. Pure. */

import type { Readings } from '@lab/lab/lab.ts'
import type { Director, Fact, Met } from '../core/scene.ts'
import { ready, replicasAre, replicasAsWanted, socketsOpen } from './facts.ts'

/** Time limit for replicas to become ready. Seconds. */
export const startSeconds = 60
/** Time limit for sockets to open or close. Seconds. */
export const loadSeconds = 60

/**
 * Fraction of the load's sockets that must stay open during an observation. The replicas' metrics are not read simultaneously, so a socket
 * that moves between two replicas may be counted twice or not at all.
 */
const staying = 0.95

/** Waits until no replica is starting or exiting and, in a lab with a scaler, the scaler has made a decision. */
export async function atRest(director: Director): Promise<Readings> {
  await director.chapter('At rest')
  const { readings } = await director.until(
    'the replicas are ready, and none starts or ends',
    replicasAsWanted(2),
    startSeconds + director.scaled(300),
  )
  if (director.timeScale !== 1) {
    const pace = { value: director.timeScale, unit: '', source: 'the time scale of the scaler' }
    await director.say("The scaler's clock runs {pace} times as fast as in a cluster.", { pace })
  }
  const there = ready(readings).length
  await director.throughout('no replica starts or ends', (now) => ready(now).length === there, 5)
  return readings
}

/** Condition that the load's sockets are open and at least `replicas` replicas are ready. */
export const served =
  (director: Director, load: number, replicas: number): Fact =>
  (now) =>
    socketsOpen(Math.floor(director.near(load) * staying))(now) && ready(now).length >= replicas

/** Observes for `seconds` that the sockets stay open and that at least `replicas` replicas stay ready. */
export async function observe(director: Director, load: number, replicas: number, seconds: number): Promise<Met> {
  return director.throughout(`the sockets stay open on at least ${replicas} replicas`, served(director, load, replicas), seconds)
}

/** Pauses the scaler, sets the number of replicas by hand, and opens the load's sockets. */
export async function byHand(director: Director, replicas: number, load: number): Promise<Readings> {
  await atRest(director)
  await director.pauseScaler()
  await director.replicas(replicas)
  await director.until(`${replicas} replicas are ready`, replicasAre(replicas), startSeconds)
  return (await underLoad(director, load)).readings
}

/** Opens the load's sockets and waits until all of them are open. */
export async function underLoad(director: Director, load: number): Promise<Met> {
  await director.load(load)
  const open = await director.until(`${load} sockets are open`, socketsOpen(director.near(load)), loadSeconds)
  return open
}
