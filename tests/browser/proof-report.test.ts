/** Tests the proof report in a real Chromium, opened from a file: the page passes axe, sends no requests, and fits the window. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildReport } from '@lab/prove/report/build.ts'
import { reportHtml } from '@lab/prove/report/html.ts'
import { sampleEvidence } from '@lab/prove/report/sample-evidence.ts'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
    'of a run that %s: passes in light and dark mode, in print and on a phone, offline',
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
      // In print, collapsed sections are expanded, and the text is black on white even in dark mode.
      expect(await page.locator('details table').isVisible()).toBe(true)
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
      expect(complaints).toEqual([])
    },
    180_000,
  )
})
