import { labSuite } from '../lib/suite.ts'

/** This test suite needs Docker. It uses the same global setup as the stack suite, and starts its own stack. */
export default labSuite({ name: 'edge', globalSetup: 'stack/lib/global-setup.ts' })
