import { labSuite } from '../lib/suite.ts'

/** The suite needs kubectl and a cluster. Without a cluster, the setup prints the reason, and all tests are skipped. */
export default labSuite({ name: 'kubernetes', globalSetup: 'kubernetes/lib/global-setup.ts' })
