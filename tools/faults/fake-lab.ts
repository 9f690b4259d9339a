/** A fake lab for tests of code that runs faults; it records the steps and does nothing else. */
import type { Checked, CheckOf, Lab, Replica, StepOf } from '@lab/lab/lab.ts'
import { sampleFacts } from './core/sample-facts.ts'

export interface FakeOptions {
  /** The steps that fail, in the form in which `fakeLab` records them. */
  fails?: readonly string[]
  /** Returns the result of a check; by default, every check's condition holds. */
  check?: (check: CheckOf<'compose'>) => Checked
  /** Number of healthy replicas in the fake lab. */
  replicas?: number
}

/** @returns the lab and the executed steps in order; each step is represented by its docker arguments or by its kind */
export function fakeLab({ fails = [], check = () => ({ holds: true, seen: 'seen' }), replicas = 3 }: FakeOptions = {}): {
  lab: Lab<'compose'>
  taken: string[]
  /** The recorded events, as fault and phase. */
  recorded: string[]
} {
  const taken: string[] = []
  const recorded: string[] = []
  const unused = () => Promise.reject(new Error('the fake lab cannot do this'))
  const names = (): Replica[] =>
    Array.from({ length: replicas }, (_, index) => ({ name: `ws-${index + 1}`, healthy: true, startedAtSeconds: 1 }))
  const wordsOf = (step: StepOf<'compose'>) => (step.kind === 'docker' ? step.args.join(' ') : step.kind)
  const lab: Lab<'compose'> = {
    kind: 'compose',
    name: 'lab',
    entry: 'http://127.0.0.1:1',
    prometheus: undefined,
    scaler: undefined,
    store: undefined,
    replicas: async () => names(),
    scaleTo: unused,
    act: unused,
    rollOut: unused,
    facts: async (replica, seconds) => ({ ...sampleFacts(seconds).compose, replicas, ...(replica !== undefined && { replica }) }),
    take: async (step) => {
      const words = wordsOf(step)
      taken.push(words)
      if (fails.includes(words)) throw new Error(`${words} fails`)
    },
    recordFault: async ({ fault, phase }) => void recorded.push(`${fault} ${phase}`),
    check: async (one) => check(one),
    close: async () => undefined,
  }
  return { lab, taken, recorded }
}
