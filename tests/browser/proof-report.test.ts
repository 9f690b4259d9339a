/** The proof report in a real Chromium, from a file: axe finds nothing, nothing is asked for, nothing is wider than the window. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildReport } from '../../prove/report/build.ts'
import { reportHtml } from '../../prove/report/html.ts'
import { sampleEvidence } from '../../prove/report/sample-evidence.ts'
import { faults, hasChromium, launch, openPage } from './lib/browser.ts'

describe.skipIf(!hasChromium)('the proof report', () => {
  let browser: Browser
  const folder = mkdtempSync(join(tmpdir(), 'proof-report-'))

  beforeAll(async () => {
    browser = await launch()
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function written(pass: boolean): string {
    const evidence = sampleEvidence()
    const report = buildReport({ ...evidence, handshakes: { attempts: 9, succeeded: pass ? 9 : 1 } })
    const file = join(folder, `${pass}.html`)
    writeFileSync(file, reportHtml(report))
    return pathToFileURL(file).href
  }

  test.each([
    ['passes', true],
    ['fails', false],
  ])(
    'of a run that %s: no fault in light, in dark, on paper and on a telephone; offline',
    async (_what, pass) => {
      const complaints: string[] = []
      const page = await openPage(browser, written(pass), complaints)
      await page.context().setOffline(true)
      await page.reload()
      expect(await page.locator('.verdict').textContent()).toBe(pass ? '✓ PASS' : '✗ FAIL')
      await page.locator('details').evaluateAll((all) => {
        for (const one of all) one.setAttribute('open', '')
      })
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        expect([colorScheme, await faults(page)]).toEqual([colorScheme, []])
      }
      for (const width of [320, 1440]) {
        await page.setViewportSize({ width, height: 900 })
        expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
      }
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
      // On paper what is folded is shown, and dark screens print black on white.
      expect(await page.locator('details table').isVisible()).toBe(true)
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
      expect(complaints).toEqual([])
    },
    180_000,
  )
})
