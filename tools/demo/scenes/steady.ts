/** Opens sockets and observes that they stay open. */
import type { Scene } from '../core/scene.ts'
import { atRest, underLoad } from './begin.ts'
import { ready, socketsOpen } from './facts.ts'

const load = 150
const watchSeconds = 45

export const steady: Scene = {
  name: 'steady',
  title: 'sockets stay on their replicas',
  needs: [],
  play: async (director) => {
    const { length: before } = ready(await atRest(director))
    await director.say('{replicas} replicas are ready, with {sockets} sockets on them. Each new socket goes to the next replica.')
    await director.chapter('Under load')
    await underLoad(director, load)
    await director.say('{sockets} sockets are open: {fullest} on the fullest replica, {emptiest} on the emptiest.')
    await director.until('messages are answered', ({ p95Ms, answersPerSecond }) => p95Ms !== null && (answersPerSecond ?? 0) > 0, 60)
    await director.say('{answers} messages a second are answered, ninety-five percent of them within {p95} ms.')
    await director.throughout(
      'no socket is lost, and no replica starts or ends',
      (now) => socketsOpen(director.near(load))(now) && ready(now).length === before,
      watchSeconds,
    )
    await director.say('Still {sockets} sockets on {replicas} replicas: a socket stays on its replica for as long as the replica runs.')
  },
}
