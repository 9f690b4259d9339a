import { labSuite } from '../lib/suite.ts'

/** This suite needs Docker and takes about 12 minutes. The tests trigger every alert, and wait for it to fire and resolve. */
export default labSuite({ name: 'alerts', globalSetup: 'alerts/lib/global-setup.ts', testTimeout: 420_000, maxConcurrency: 20 })
