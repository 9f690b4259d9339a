import { labSuite } from '../lib/suite.ts'

/** The suite needs Docker and about a quarter of an hour. The tests solve the workshop with the commands of its pages. */
export default labSuite({ name: 'workshop', globalSetup: 'workshop/lib/global-setup.ts' })
