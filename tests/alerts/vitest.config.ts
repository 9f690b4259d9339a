import { labSuite } from '../lib/suite.ts'

/** The suite needs Docker and 12 minutes. The tests trigger every alert, and wait until it fires and resolves. */
export default labSuite({ name: 'alerts', globalSetup: 'alerts/lib/global-setup.ts', testTimeout: 420_000, maxConcurrency: 20 })
