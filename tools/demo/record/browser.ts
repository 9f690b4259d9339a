/** Starts Chromium for films and stills. */
import { type Browser, chromium } from 'playwright-core'
import { chromiumPath } from './tools.ts'

/** By default, Chromium treats intercepted pages as public and blocks their requests to the local network. */
const features = '--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets'

/** Settings of every recorded page. All pages show times in UTC. */
export const pageSettings = { colorScheme: 'dark', locale: 'en-GB', timezoneId: 'UTC' } as const

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath() ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--hide-scrollbars', features],
  })
