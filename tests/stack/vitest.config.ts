import { labSuite } from '../lib/suite.ts'

/** The suite needs Docker. The global setup of the suite starts one stack from compose.yaml, which all test files of the suite share. */
export default labSuite({ name: 'stack', globalSetup: 'stack/lib/global-setup.ts' })
