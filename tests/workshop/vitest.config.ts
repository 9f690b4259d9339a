import { labSuite } from '../lib/suite.ts'

/** This suite needs Docker and takes about a quarter of an hour. The tests complete the workshop with the commands from its pages. */
export default labSuite({ name: 'workshop', globalSetup: 'workshop/lib/global-setup.ts' })
