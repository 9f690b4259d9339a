/** All scenes, in the order in which `./lab demo --list` prints them. */
import type { Scene } from '../core/scene.ts'
import { blueGreen } from './blue-green.ts'
import { crash } from './crash.ts'
import { drain } from './drain.ts'
import { flapping } from './flapping.ts'
import { rollingUpdate } from './rolling-update.ts'
import { steady } from './steady.ts'
import { storm } from './storm.ts'
import { surge } from './surge.ts'
import { valkeyOutage } from './valkey-outage.ts'

export const scenes: readonly Scene[] = [steady, surge, drain, crash, storm, rollingUpdate, blueGreen, valkeyOutage, flapping]
