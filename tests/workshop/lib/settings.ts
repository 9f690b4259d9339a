/** Settings that the workshop tests and their global setup share. */
import { root } from '../../stack/lib/compose-file.ts'

/** The folder that contains the scaler's decision log, relative to the repository root. */
export const stateFolder = 'reports/workshop-test'

/** The folder to which the tests write each command block's output. */
export const outputFolder = `${root}reports/workshop`

/**
 * The folder in which workshop learners write their files. During the tests, any files that the user already has in the learner folder are
 * moved to another folder.
 */
export const learnerFolder = `${root}workshop/my`

/** Environment variables that make the workshop steps shorter during the tests. */
export const hurried = {
  SCALER_TIME_SCALE: '5',
  LOAD_FOR: '45s',
  SPIKE_FOR: '75s',
  LEDGER_FOR: '95s',
  STORM_SOCKETS: '300',
  FAULT_FOR: '40s',
}
