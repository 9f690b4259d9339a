/** Settings that the global setup and the tests of the workshop steps share. */
import { root } from '../../stack/lib/compose-file.ts'

/** The folder of the scaler's decision log, relative to the root. */
export const stateFolder = 'reports/workshop-test'

/** The folder to which the tests write the output of each command block. */
export const outputFolder = `${root}reports/workshop`

/**
 * The folder in which a learner writes files. During the tests, any files that the user already has in the learner folder are moved
 * elsewhere.
 */
export const learnerFolder = `${root}workshop/my`

/** Environment variables that shorten the steps of the workshop during the tests. */
export const hurried = {
  SCALER_TIME_SCALE: '5',
  LOAD_FOR: '45s',
  SPIKE_FOR: '75s',
  LEDGER_FOR: '95s',
  STORM_SOCKETS: '300',
  FAULT_FOR: '40s',
}
