/**
 * Defines the facts on which a workshop check is based: observations of the lab, and the learner's files. This file contains only types;
 * the facts are collected in gather.ts.
 */
import type { TickRecord } from '@lab/scaler/record.ts'
import type { LearnerFile, TextFile } from './learner.ts'
import type { Question } from './questions.ts'

/** End time and duration of the last run of the k6 `ledger` scenario. */
export interface LedgerSeen {
  atMs: number
  seconds: number
}

/** Results of `./lab storm`, read from storm.json in the project's report folder. */
export interface StormSeen {
  atMs: number
  /** Whether `./lab storm` ran on the same lab that the workshop check examines. */
  here: boolean
  naive: { lost: number; peak: number }
  jittered: { lost: number; peak: number }
}

export interface Facts {
  nowMs: number
  /** Services that have a running container that is healthy or has no health check. */
  services: readonly string[]
  /** Names of the running, healthy replicas, for example ws-1. */
  replicas: readonly string[]
  /** Results from Prometheus: one number for each query, or undefined if no series matches the query. */
  answers: Readonly<Partial<Record<Question, number>>>
  /** The scaler's decisions from the last hour, oldest first. */
  log: readonly TickRecord[]
  files: Readonly<Partial<Record<LearnerFile, TextFile>>>
  /** Content of scaler/hpa.yaml, with which the learner's settings are compared. */
  originalHpa: string
  /** The last run of the `ledger` scenario; undefined if there was none within the last hour. */
  ledger?: LedgerSeen
  /** The last run of `./lab storm`; undefined if there was none within the last hour. */
  storm?: StormSeen
}

/** Returns the facts of a lab in which no workshop step has been done yet. */
export function noFacts(nowMs: number, originalHpa: string): Facts {
  return { nowMs, services: [], replicas: [], answers: {}, log: [], files: {}, originalHpa }
}
