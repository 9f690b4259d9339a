/** Draws the video's poster: a still with a title and a play symbol. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { chromium } from 'playwright-core'
import { picture } from './ass.ts'
import { shrink } from './ffmpeg.ts'
import { pageFile } from './server.ts'
import { chromiumPath } from './tools.ts'

/**
 * Draws the poster and writes it to a file.
 * @param still path of a PNG file to use as the background
 * @param output path of the poster to write
 * @param folder folder for temporary files
 */
export async function drawPoster(still: string, output: string, folder: string): Promise<void> {
  const browser = await chromium.launch({ executablePath: chromiumPath() ?? '', args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const page = await browser.newPage({ viewport: { width: picture.width, height: picture.height } })
    await page.setContent(pageFile('poster.html').replace('{{still}}', (await readFile(still)).toString('base64')))
    await writeFile(join(folder, 'poster-large.png'), await page.screenshot())
  } finally {
    await browser.close()
  }
  await shrink(folder, 'poster-large.png', basename(output))
  await writeFile(output, await readFile(join(folder, basename(output))))
}
