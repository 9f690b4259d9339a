/** The lab in a Kubernetes cluster, which is changed through kubectl and observed through kubectl and Prometheus. */
import { services } from '@lab/contract/endpoints.ts'
import { ingressVariable, nameLabel, namespace } from '@lab/contract/kubernetes.ts'
import { whyFailed } from '@lab/host/docker.ts'
import { clusterProblem, currentContext, kubectl, tryKubectl } from '@lab/host/kubectl.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import { until } from '@lab/host/until.ts'
import { checkEntry, checkReplicas } from '../entry.ts'
import type { Checked, CheckOf, Lab, Pausable, Replica, ReplicaAction, StepOf } from '../lab.ts'
import { resetConnections } from '../reset.ts'
import { parseReply } from '../valkey-reply.ts'
import { entryOf } from './entry.ts'
import { type Hpa, isPaused, limitProblem, patchOf, paused, pauseHint, policiesOf, readHpa } from './hpa.ts'
import { killedToo, signalArgs, stateArgs, stoppedState } from './inside.ts'
import { isCrashLooping, type Pod, podsOf, readPods, replicaOf } from './pods.ts'
import { proxyServices } from './proxy.ts'
import { ClusterRollouts } from './rollout/rollouts.ts'

const callWithinSeconds = 30
/** Time limit for new pods to become Ready, or for removed pods to drain. Seconds. */
const scaleWithinSeconds = 150
/** Time limit for a new pod of a restart to become Ready. Seconds. */
const replaceWithinSeconds = 90
const listEveryMs = 300
const deployment = `deployment/${services.ws}`

/** The annotation by which a ReplicaSet chooses the pods to remove; pods with a lower value are removed first. */
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'

export interface KubernetesOptions {
  /** Address that clients use instead of LAB_INGRESS or the address in the Ingress object. */
  entry?: string
}

/** The lab interface, extended with members that only the lab in a cluster has. */
export interface KubernetesLab extends Lab<'kubernetes'> {
  readonly prometheus: Prometheus
  readonly rollouts: ClusterRollouts
  /** Returns the pods of all services. */
  pods(): Promise<Pod[]>
  /** Returns the HorizontalPodAutoscaler of the replicas; undefined if there is none. */
  hpa(): Promise<Hpa | undefined>
}

/** Runs kubectl in the lab's namespace. */
function inLab(args: readonly string[], withinSeconds = callWithinSeconds): Promise<string> {
  return kubectl(['-n', namespace, ...args], { withinSeconds })
}

/**
 * Returns the lab in the cluster of kubectl's current context. Rejects with a one-line error if no cluster answers, or if the lab does not
 * run in the cluster.
 */
export async function runningKubernetesLab({ entry: given }: KubernetesOptions = {}): Promise<KubernetesLab> {
  const context = await contextWithReplicas()
  const ingress = await inLab(['get', 'ingress', services.ws, '-o', 'json', '--ignore-not-found'])
  const entry = entryOf(given ?? process.env[ingressVariable], ingress)
  const hpa = async () => readHpa(await inLab(['get', 'hpa', services.ws, '-o', 'json', '--ignore-not-found']))
  const scaler = (await hpa()) === undefined ? undefined : pausable(hpa)
  const proxy = await proxyServices()
  const prometheus = prometheusAt(proxy.address(services.prometheus, 9090))
  const rollouts = new ClusterRollouts()

  const pods = async () => readPods(await inLab(['get', 'pods', '-o', 'json']))
  const replicaPods = async () =>
    podsOf(services.ws, readPods(await inLab(['get', 'pods', '-l', `${nameLabel}=${services.ws}`, '-o', 'json'])))
  const replicas = async () => (await replicaPods()).map(replicaOf)

  /** Returns the number of pods that the Deployment should have. */
  const wanted = async () => Number(await inLab(['get', deployment, '-o', 'jsonpath={.spec.replicas}']))
  const checkComplete = async () => checkReplicas(await replicas(), await wanted())
  const complete = async () => {
    const { holds, seen } = await checkComplete()
    if (!holds) throw new Error(seen)
    return true
  }

  const scaleTo = async (count: number) => {
    const autoscaler = await hpa()
    const problem = limitProblem(autoscaler, count)
    if (problem !== undefined) throw new LabError(problem)
    const leaving = (await replicaPods()).slice(count)
    if (leaving.length > 0) await removeFirst(leaving)
    await inLab(['scale', deployment, `--replicas=${count}`])
    const reached = async () => {
      const now = await wanted()
      return now === count ? (await complete()) && count : now
    }
    const waiting = { withinMs: scaleWithinSeconds * 1000, everyMs: listEveryMs }
    const now = await until(`${count} pods are Ready, and no others are left`, reached, waiting)
    if (now === count) return
    const hint = autoscaler === undefined ? '' : `; ${pauseHint(autoscaler)}`
    throw new LabError(`the number of replicas was changed from ${count} to ${now}, probably by the HPA${hint}`)
  }

  const settle = async () => {
    await until(
      'all pods are Ready',
      async () => {
        const looping = (await replicaPods()).filter(isCrashLooping)
        if (looping.length > 0) await inLab(['delete', 'pod', '--wait=false', ...looping.map(({ metadata }) => metadata.name)])
        return complete()
      },
      { withinMs: scaleWithinSeconds * 1000, everyMs: listEveryMs },
    )
  }

  const rollOut = async () => {
    const plan = await rollouts.prepare({ restart: true, cause: 'restart by a fault' }, { progressDeadlineSeconds: replaceWithinSeconds })
    const outcome = await rollouts.begin(plan, { say: () => undefined, stop: new AbortController().signal })
    if (outcome !== 'complete') throw new LabError(`the rollout is ${outcome}; ./lab rollout status --on kubernetes shows the reason`)
  }

  const takeStep = async (step: StepOf<'kubernetes'>): Promise<void> => {
    switch (step.kind) {
      case 'act':
        return act(step.action, step.replica)
      case 'restart-all':
        return rollOut()
      case 'settle':
        return settle()
      case 'scale':
        return scaleTo(step.replicas)
      case 'reset':
        return resetConnections(entry, step.at, step.times)
    }
  }

  const checkOnce = async (check: CheckOf<'kubernetes'>): Promise<Checked> => {
    switch (check.kind) {
      case 'entry':
        return checkEntry(entry)
      case 'replicas':
        return checkReplicas(await replicas(), check.count)
      case 'query': {
        const [first] = await prometheus.query(check.promql)
        return {
          holds: first !== undefined,
          seen: first === undefined ? `no series matches ${check.promql}` : `${first.value} for ${check.promql}`,
        }
      }
      case 'complete':
        return checkComplete()
      case 'frozen': {
        const state = (await inLab(stateArgs(check.replica))).trim()
        return { holds: state === stoppedState, seen: `the state of its process is ${state}` }
      }
      case 'unready': {
        const found = (await replicas()).find(({ name }) => name === check.replica)
        return { holds: found?.healthy === false, seen: found === undefined ? 'the pod is gone' : found.healthy ? 'Ready' : 'not Ready' }
      }
      case 'left':
        return checkLeft(await replicas(), check)
      case 'gone': {
        const left = (await replicas()).filter(({ name }) => check.replicas.includes(name)).map(({ name }) => name)
        return { holds: left.length === 0, seen: left.length === 0 ? 'they are gone' : `${left.join(', ')} still there` }
      }
    }
  }

  return {
    kind: 'kubernetes',
    name: `${context}/${namespace}`,
    entry,
    prometheus,
    rollouts,
    scaler,
    store: {
      ask: async (...command) =>
        parseReply(await inLab(['exec', `statefulset/${services.valkey}`, '--', 'valkey-cli', '--json', ...command])),
    },
    pods,
    hpa,
    replicas,
    scaleTo,
    act,
    rollOut,
    facts: async (wanted, seconds) => {
      const all = await replicas()
      const ready = all.filter(({ healthy }) => healthy)
      const chosen = wanted === undefined ? ready.at(-1) : ready.find(({ name }) => name === wanted)
      if (chosen === undefined) {
        const allowed = ready.map(({ name }) => name).join(', ') || 'none is'
        throw new LabError(`--replica ${wanted ?? ''}: allowed are the Ready pods: ${allowed}`)
      }
      const { name: replica, startedAtSeconds } = chosen
      return { replica, replicas: ready.length, seconds, startedAtSeconds, names: all.map(({ name }) => name) }
    },
    take: takeStep,
    check: checkOnce,
    close: () => proxy.close(),
  }
}

/** Returns the current context's name. Rejects with a one-line error if no cluster answers, or if no replica runs in it. */
async function contextWithReplicas(): Promise<string> {
  const list = ['-n', namespace, 'get', 'pods', '-l', `${nameLabel}=${services.ws}`, '-o', 'name', '--request-timeout=10s']
  const [context, ran] = await Promise.all([currentContext(), tryKubectl(list, { withinSeconds: callWithinSeconds })])
  if (ran.exitCode !== 0) {
    // Before the reason, kubectl prints the log lines of its own retries.
    const error = whyFailed({ ...ran, stderr: ran.stderr.trim().split('\n').at(-1) ?? '' }, callWithinSeconds)
    // An error from the server shows that the cluster answers. Without a context, another server may have answered.
    if (context !== undefined && /error from server/i.test(error)) throw new LabError(`${error}; to find the problem: ./lab k8s doctor`)
    const { text, command } = clusterProblem({ missing: ran.missing, context, error })
    throw new LabError(`${text}: ${command}`)
  }
  if (ran.stdout.trim() !== '') return context ?? ''
  throw new LabError(
    `no replica runs in the namespace ${namespace} of the context ${context}; to start the lab: kubectl apply -k k8s/overlays/dev; to find the problem: ./lab k8s doctor`,
  )
}

/** Makes the Deployment remove these pods first when the number of replicas falls. */
async function removeFirst(pods: readonly Pod[]): Promise<void> {
  await inLab(['annotate', '--overwrite', 'pod', ...pods.map(({ metadata }) => metadata.name), `${deletionCost}=-1`])
}

async function act(action: ReplicaAction, pod: string): Promise<void> {
  if (action === 'terminate') {
    await inLab(['delete', 'pod', pod, '--wait=false'])
    return
  }
  const signals = { kill: 'SIGKILL', freeze: 'SIGSTOP', thaw: 'SIGCONT' } as const
  const ran = await tryKubectl(['-n', namespace, ...signalArgs(pod, signals[action])], { withinSeconds: callWithinSeconds })
  if (ran.exitCode === 0 || (action === 'kill' && ran.exitCode === killedToo)) return
  throw new LabError(`${signals[action]} to ${pod}: ${whyFailed(ran, callWithinSeconds)}`)
}

function checkLeft(replicas: readonly Replica[], { id, startedAtSeconds }: Extract<CheckOf<'kubernetes'>, { kind: 'left' }>): Checked {
  const found = replicas.find(({ name }) => name === id)
  const holds = found?.startedAtSeconds !== startedAtSeconds
  return { holds, seen: found === undefined ? 'the pod is gone' : holds ? 'its container has exited' : 'its container runs' }
}

/** Returns the HPA as a scaler that can be paused. The HPA's own policies are restored when it is resumed. */
function pausable(hpa: () => Promise<Hpa | undefined>): Pausable {
  let own = { scaleUp: 'Max', scaleDown: 'Max' }
  const patch = (text: string) => inLab(['patch', 'hpa', services.ws, '--type=merge', '-p', text])
  return {
    isPaused: async () => {
      const found = await hpa()
      return found === undefined || isPaused(found)
    },
    pause: async () => {
      const found = await hpa()
      if (found === undefined || isPaused(found)) return
      own = { ...policiesOf(found) }
      await patch(patchOf(paused))
    },
    resume: async () => {
      await patch(patchOf(own))
    },
  }
}
