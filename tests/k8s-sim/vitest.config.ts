import { labSuite } from '../lib/suite.ts'

/** This suite needs Docker. The global setup starts the lab with compose.k8s-sim.yaml in compressed time, once for all test files. */
export default labSuite({ name: 'k8s-sim', globalSetup: 'k8s-sim/lib/global-setup.ts' })
