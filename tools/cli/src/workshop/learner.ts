/** Defines the files that a learner writes, and how long a learner's actions count. Pure. */

/** Maximum age, in minutes, at which a learner's action still counts towards a workshop step. */
export const lookBackMinutes = 60

/** Folder of the learner's files, relative to the root of the checkout. */
export const learnerFolder = 'workshop/my'

/** The files that learners must write in the workshop steps, all in `learnerFolder`. */
export const learnerFiles = [
  'without-cookie.txt',
  'cookies.txt',
  'with-cookie.txt',
  'peak.txt',
  'hpa.yaml',
  'hpa-cpu.yaml',
  'tuned.yaml',
  'record.jsonl',
  'plain-up.txt',
  'for-the-cluster.yaml',
  'deployment.yaml',
] as const
export type LearnerFile = (typeof learnerFiles)[number]

/** Current content of a learner's file. */
export interface TextFile {
  text: string
  modifiedMs: number
}

/** Returns the path of a learner's file, relative to the root of the checkout. */
export function pathOf(file: LearnerFile): string {
  return `${learnerFolder}/${file}`
}
