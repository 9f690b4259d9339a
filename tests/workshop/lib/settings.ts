/** What the global setup and the steps agree on. */
import { root } from '../../stack/lib/compose-file.ts'

/** The scaler's decision log, from the root. */
export const stateFolder = 'reports/workshop-test'

/** What each block printed, one file per block. */
export const outputFolder = `${root}reports/workshop`

/** Where learners write; somebody's own files are put aside meanwhile. */
export const learnerFolder = `${root}workshop/my`

/** The variables that the pages offer, for a learner in a hurry. */
export const hurried = {
  SCALER_TIME_SCALE: '5',
  LOAD_FOR: '45s',
  SPIKE_FOR: '75s',
  LEDGER_FOR: '95s',
  STORM_SOCKETS: '300',
  FAULT_FOR: '40s',
}
