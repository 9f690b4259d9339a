/** What a check goes by: everything that was seen of the lab and of the learner's files. Pure types; gather.ts fills them in. */
import type { TickRecord } from '../../../scaler/src/record.ts'
import type { Question } from './questions.ts'

/** How far back traces count: who did a step within the hour has done it. */
export const lookBackMinutes = 60

/** Where a learner's files go, from the root. */
export const learnerFolder = 'workshop/my'

/** Files that steps ask the learner to write, all in `learnerFolder`. */
export const learnerFiles = [
  'without-cookie.txt',
  'cookies.txt',
  'with-cookie.txt',
  'peak.txt',
  'hpa.yaml',
  'hpa-cpu.yaml',
  'tuned.yaml',
  'record.jsonl',
  'for-the-cluster.yaml',
  'deployment.yaml',
] as const
export type LearnerFile = (typeof learnerFiles)[number]

/** A file as it is now. */
export interface TextFile {
  text: string
  modifiedMs: number
}

/** When a ledger was kept: its end, and how long it took. */
export interface LedgerSeen {
  atMs: number
  seconds: number
}

/** What `npm run storm` found, of reports/storm.json. */
export interface StormSeen {
  atMs: number
  naive: { lost: number; peak: number }
  jittered: { lost: number; peak: number }
}

export interface Facts {
  nowMs: number
  /** Services of which a container runs and is healthy, or has no health check. */
  services: readonly string[]
  /** Replicas that run and are healthy, as in ws-1. */
  replicas: readonly string[]
  /** What Prometheus answered: the one number, or undefined for no series. */
  answers: Readonly<Partial<Record<Question, number>>>
  /** The scaler's decisions of the last hour, oldest first. */
  log: readonly TickRecord[]
  files: Readonly<Partial<Record<LearnerFile, TextFile>>>
  /** scaler/hpa.yaml, the settings that everything is compared with. */
  originalHpa: string
  /** The last run of the scenario `ledger`; undefined: none within the hour. */
  ledger?: LedgerSeen
  /** Undefined: none within the hour. */
  storm?: StormSeen
}

/** Facts of a lab in which nothing has been done yet. */
export function noFacts(nowMs: number, originalHpa: string): Facts {
  return { nowMs, services: [], replicas: [], answers: {}, log: [], files: {}, originalHpa }
}
