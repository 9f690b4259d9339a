/** Computes the findings of `doctor` from the gathered facts, and the exit code from the findings. Pure. */
import { checkConfiguration, checkContainers, checkDisk, checkImages, checkLineEndings, checkProxies } from './checkout.ts'
import { checkCompose, checkEngine } from './engine.ts'
import type { Facts } from './facts.ts'
import { type Finding, subjects } from './finding.ts'
import { checkPorts } from './ports.ts'

/** Computes all findings, in the order of the subjects. */
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

/** Exit codes: 0 fine, 1 blocked, 2 warnings only. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'blocked')) return 1
  return findings.some(({ level }) => level === 'warning') ? 2 : 0
}
