import { labSuite } from '../lib/suite.ts'

/**
 * This suite takes about ten minutes and does not need Docker. The tests run the demo scenes one after another, each on its own embedded
 * lab.
 */
export default labSuite({ name: 'demo', testTimeout: 300_000 })
