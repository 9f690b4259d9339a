import { labSuite } from '../lib/suite.ts'

/**
 * This suite needs Docker and takes about fifteen minutes. On a separate stack, the tests run the reconnect storm and every fault with
 * --check, and interrupt rollouts.
 */
export default labSuite({ name: 'chaos', globalSetup: 'stack/lib/global-setup.ts' })
