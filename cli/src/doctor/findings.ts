/** What follows from the facts, and the exit code that follows from that. Pure. */
import { checkConfiguration, checkContainers, checkDisk, checkImages, checkLineEndings, checkProxies } from './checkout.ts'
import { checkCompose, checkEngine } from './engine.ts'
import type { Facts } from './facts.ts'
import { type Finding, subjects } from './finding.ts'
import { checkPorts } from './ports.ts'

/** Everything there is to say, in the order of the subjects. */
export function findingsOf(facts: Facts): Finding[] {
  return [
    ...checkEngine(facts),
    ...checkCompose(facts),
    ...checkConfiguration(facts),
    ...checkDisk(facts),
    ...checkPorts(facts),
    ...checkContainers(facts),
    ...checkImages(facts),
    ...checkLineEndings(facts),
    ...checkProxies(facts),
  ].sort((a, b) => subjects.indexOf(a.subject) - subjects.indexOf(b.subject))
}

/** 0 fine, 1 blocked, 2 warnings only. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'blocked')) return 1
  return findings.some(({ level }) => level === 'warning') ? 2 : 0
}
