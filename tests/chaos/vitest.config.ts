import { labSuite } from '../lib/suite.ts'

/** The suite needs Docker and about ten minutes. The tests run every fault with --check and the reconnect storm on a separate stack. */
export default labSuite({ name: 'chaos', globalSetup: 'stack/lib/global-setup.ts' })
