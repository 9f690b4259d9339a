import { labSuite } from '../lib/suite.ts'

/** This test suite needs Docker. The suite's global setup starts one stack from compose.yaml, which all its test files share. */
export default labSuite({ name: 'stack', globalSetup: 'stack/lib/global-setup.ts' })
