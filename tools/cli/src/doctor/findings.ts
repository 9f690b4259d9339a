/** Computes doctor's findings from the collected facts, and the exit code from the findings. Pure. */
import { checkConfiguration, checkContainers, checkDisk, checkImages, checkLineEndings, checkProxies } from './checkout.ts'
import { checkCompose, checkEngine } from './engine.ts'
import type { Facts } from './facts.ts'
import { type Finding, subjects } from './finding.ts'
import { checkPorts } from './ports.ts'

/** Computes all findings, ordered by subject. */
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

/** Exit codes: 0 if everything is fine, 1 if a problem blocks the lab, and 2 if there are only warnings. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'blocked')) return 1
  return findings.some(({ level }) => level === 'warning') ? 2 : 0
}
