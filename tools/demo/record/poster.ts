/** Draws the film's poster: a still with the film's title and a play symbol. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { picture } from './ass.ts'
import { startChromium } from './browser.ts'
import { shrink } from './ffmpeg.ts'
import { pageFile } from './server.ts'

export interface Poster {
  /** Path of a PNG file to use as the background. */
  still: string
  title: string
  /** Path of the poster to write. */
  output: string
  /** Folder for temporary files. */
  folder: string
}

/** Draws the poster and writes it to a file. */
export async function drawPoster({ still, title, output, folder }: Poster): Promise<void> {
  const browser = await startChromium()
  try {
    const page = await browser.newPage({ viewport: { width: picture.width, height: picture.height } })
    const plain = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
    await page.setContent(
      pageFile('poster.html')
        .replace('{{still}}', (await readFile(still)).toString('base64'))
        .replace('The film</p>', `${plain}</p>`),
    )
    await writeFile(join(folder, 'poster-large.png'), await page.screenshot())
  } finally {
    await browser.close()
  }
  await shrink(folder, 'poster-large.png', basename(output))
  await writeFile(output, await readFile(join(folder, basename(output))))
}
