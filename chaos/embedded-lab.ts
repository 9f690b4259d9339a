/** The embedded lab, by its own API. */
import { z } from 'zod'
import type { Look, Step } from './core/types.ts'
import { readEmbeddedState } from './embedded-state.ts'
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
  scaler: z.object({ blind: z.boolean() }),
})
type State = z.infer<typeof stateShape>

/** @param page where the live page is, as in http://localhost:3000. Rejects with one line when no embedded lab answers there. */
export async function findEmbeddedLab(page: string): Promise<World> {
  const state = () => readEmbeddedState(page, stateShape)
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
    look: async (look) => {
      const url = new URL('/health', entry).href
      if (look.kind === 'entry') return lookAtEntry(url)
      return look.kind === 'answer' ? timeAnswer(url, look) : judge(look, await state())
    },
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

/** How long one request takes, as a new client would make it. Rejects when there is no answer. */
async function timeAnswer(url: string, { above, below }: Extract<Look, { kind: 'answer' }>): Promise<Sight> {
  const began = performance.now()
  const response = await fetch(url, { signal: AbortSignal.timeout(askWithinMs), headers: { connection: 'close' } })
  await response.arrayBuffer()
  const tookMs = performance.now() - began
  const held = tookMs > (above ?? Number.NEGATIVE_INFINITY) && tookMs < (below ?? Number.POSITIVE_INFINITY)
  return { held, seen: `it took ${Math.round(tookMs)} ms` }
}

function judge(look: Look, { replicas, scaler }: State): Sight {
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
    case 'scaler':
      return { held: scaler.blind === look.blind, seen: scaler.blind ? 'it is blind' : 'it has readings' }
    case 'ready': {
      const count = replicas.filter(({ state }) => state === 'ready').length
      return { held: count >= look.atLeast, seen: `${count} are ready` }
    }
    default:
      throw new Error(`the embedded lab has nothing to look at for ${look.kind}`)
  }
}
