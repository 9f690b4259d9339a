/** The embedded lab, by its own API. */
import { z } from 'zod'
import type { Look, Step } from './core/types.ts'
import { askWithinMs, lookAtEntry, type Sight, type World } from './world.ts'

const stateShape = z.object({
  mode: z.literal('embedded'),
  entry: z.url(),
  replicas: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['starting', 'ready', 'draining', 'silent']),
      memoryMiB: z.number(),
      startedAtSeconds: z.number(),
      eventLoopPercent: z.number(),
    }),
  ),
})
type State = z.infer<typeof stateShape>

/** @param page where the live page is, as in http://localhost:3000. Rejects with one line when no embedded lab answers there. */
export async function findEmbeddedLab(page: string): Promise<World> {
  const state = async (): Promise<State> => {
    const response = await fetch(new URL('/api/state', page), { signal: AbortSignal.timeout(askWithinMs) }).catch((error: Error) => {
      throw new Error(
        `no embedded lab at ${page} (${String(error.cause ?? error.message)}); start it with npm start, or give its page with --embedded URL`,
      )
    })
    const read = stateShape.safeParse(await response.json().catch(() => undefined))
    if (!read.success)
      throw new Error(`${page} is no embedded lab: ${read.error.issues[0]?.path.join('.')} ${read.error.issues[0]?.message}`)
    return read.data
  }
  const { entry } = await state()
  return {
    entry: () => entry.replace(/^http/, 'ws'),
    scene: async (wanted, seconds) => {
      const running = (await state()).replicas.filter((one) => one.state === 'ready')
      const chosen = wanted === undefined ? running.at(-1) : running.find(({ id }) => id === wanted)
      if (chosen === undefined)
        throw new Error(
          `--replica ${wanted ?? ''}: allowed are those that are ready: ${running.map(({ id }) => id).join(', ') || 'none is'}`,
        )
      return {
        ground: 'embedded',
        project: '',
        replica: chosen.id,
        address: '',
        replicas: running.length,
        memoryMiB: chosen.memoryMiB,
        startedAtSeconds: chosen.startedAtSeconds,
        seconds,
      }
    },
    take: (step) => order(page, step),
    look: async (look) => (look.kind === 'entry' ? lookAtEntry(new URL('/health', entry).href) : judge(look, await state())),
  }
}

async function order(page: string, step: Step): Promise<void> {
  if (step.kind !== 'order') throw new Error('the embedded lab takes orders alone')
  const response = await fetch(new URL(step.path, page), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(step.body),
    signal: AbortSignal.timeout(askWithinMs),
  })
  if (!response.ok) throw new Error(`${step.path}: ${response.status} ${(await response.text()).slice(0, 200)}`)
}

function judge(look: Look, { replicas }: State): Sight {
  const found = 'id' in look ? replicas.find(({ id }) => id === look.id) : undefined
  switch (look.kind) {
    case 'state': {
      const state = found?.state ?? 'gone'
      return { held: state === look.state, seen: state }
    }
    case 'left': {
      const held = found?.startedAtSeconds !== look.startedAtSeconds
      return { held, seen: found === undefined ? 'gone' : held ? 'another one has its name' : found.state }
    }
    case 'figure': {
      if (found === undefined) return { held: false, seen: 'gone' }
      const value = found[look.figure]
      const held = value > (look.above ?? Number.NEGATIVE_INFINITY) && value < (look.below ?? Number.POSITIVE_INFINITY)
      return { held, seen: `${look.figure} is ${value}` }
    }
    case 'ready': {
      const count = replicas.filter(({ state }) => state === 'ready').length
      return { held: count >= look.atLeast, seen: `${count} are ready` }
    }
    default:
      throw new Error(`the embedded lab has nothing to look at for ${look.kind}`)
  }
}
