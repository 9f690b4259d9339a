import { labSuite } from '../lib/suite.ts'

/**
 * This suite takes about fifteen minutes, and needs Docker and Python 3 with venv. It installs Locust from PyPI and Artillery from npm in a
 * temporary folder.
 */
export default labSuite({ name: 'load', globalSetup: 'stack/lib/global-setup.ts', testTimeout: 240_000 })
