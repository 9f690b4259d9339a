/** What most scenes begin with. Pure. */
import type { Director, Met } from '../core/scene.ts'
import type { Readings } from '../core/stage.ts'
import { ready, replicasAre, replicasAsWanted, socketsOpen } from './facts.ts'

/** How long replicas may take to be there. Seconds. */
export const startSeconds = 60
/** How long sockets may take to be open, or closed. Seconds. */
export const loadSeconds = 60

/** Replicas are not read at the same moment: one that moves is counted twice, or not at all. */
const staying = 0.95

/** Waits until nothing comes or goes. The scaler, where there is one, has decided. */
export async function atRest(director: Director): Promise<Readings> {
  await director.chapter('At rest')
  const { readings } = await director.until(
    'replicas are ready, and none comes or goes',
    replicasAsWanted(2),
    startSeconds + director.scaled(300),
  )
  await director.still('start')
  if (director.timeScale !== 1) {
    const pace = { value: director.timeScale, unit: '', source: 'how the scaler was started' }
    await director.say("The scaler's clock runs {pace} times as fast as in a cluster.", { pace })
  }
  const there = ready(readings).length
  await director.throughout('none comes or goes', (now) => ready(now).length === there, 5)
  return readings
}

/** Looks on for a while: all sockets stay open, and none of so many replicas goes. */
export async function lookOn(director: Director, load: number, replicas: number, seconds: number): Promise<Met> {
  const fact = (now: Readings) => socketsOpen(Math.floor(director.near(load) * staying))(now) && ready(now).length >= replicas
  return director.throughout(`sockets stay open, on ${replicas} replicas or more`, fact, seconds)
}

/** So many replicas by hand, the scaler paused, and sockets on them. */
export async function byHand(director: Director, replicas: number, load: number): Promise<Readings> {
  await atRest(director)
  await director.pauseScaler()
  await director.replicas(replicas)
  await director.until(`${replicas} replicas are ready`, replicasAre(replicas), startSeconds)
  return (await underLoad(director, load)).readings
}

/** Opens sockets and waits for all of them. */
export async function underLoad(director: Director, load: number): Promise<Met> {
  await director.load(load)
  const open = await director.until(`${load} sockets are open`, socketsOpen(director.near(load)), loadSeconds)
  await director.still('under-load')
  return open
}
