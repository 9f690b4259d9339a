/**
 * Defines the facts on which a workshop check is based: observations of the lab, and the learner's files. The facts are collected in
 * gather.ts. Pure.
 */
import { services } from '@lab/contract/endpoints.ts'
import type { LocalKind } from '@lab/lab/lab.ts'
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
  /** The kind of the lab. */
  kind: LocalKind
  /** The services that every lab of this kind needs. */
  needed: readonly string[]
  /**
   * Services that are ready: on Compose, those that have a running container that is healthy or has no health check.
   */
  services: readonly string[]
  /** Names of the running, healthy replicas, for example ws-1. */
  replicas: readonly string[]
  /**
   * One number for each question, or undefined if there is no answer: from Prometheus or, on the embedded lab, from the replicas' metrics
   * and the decision log.
   */
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

/** Returns the facts of a Compose lab in which no workshop step has been done yet. */
export function noFacts(nowMs: number, originalHpa: string): Facts {
  const needed = [services.traefik, services.prometheus, services.valkey]
  return { nowMs, kind: 'compose', needed, services: [], replicas: [], answers: {}, log: [], files: {}, originalHpa }
}
