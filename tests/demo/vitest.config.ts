import { labSuite } from '../lib/suite.ts'

/** The suite needs no Docker, and about ten minutes. The tests run every scene on a separate embedded lab, one after the other. */
export default labSuite({ name: 'demo', testTimeout: 300_000 })
