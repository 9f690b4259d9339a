/** Creates a recording's files: the video, its captions, the transcript, the stills and a poster. */
import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assOf } from './ass.ts'
import { checksumOf } from './checksum.ts'
import { encode, still } from './ffmpeg.ts'
import { planOf } from './film.ts'
import { readChecks, type StillSaid, stillFaults } from './numbers.ts'
import { drawPoster } from './poster.ts'
import type { Recording } from './record.ts'
import { filmTime, shownPictures } from './timeline.ts'
import { transcriptPage } from './transcript.ts'
import { maxPictureBytes, names } from './verify.ts'
import { vttOf } from './vtt.ts'

/**
 * Creates all files of a recording and removes the captured images. Resolves with the checksum of the scenes and with any defects that were
 * found, one line each.
 */
export async function finish(folder: string, recording: Recording): Promise<{ checksum: string; faults: string[] }> {
  const { pictureFolder: work, pictures, beganAt, events, stills } = recording
  const at = (name: string) => join(folder, name)
  try {
    const plan = planOf(recording)
    const filmTimeOf = (time: number) => filmTime(plan.segments, (time - beganAt) / 1000)
    const checksum = await checksumOfScenes(recording)
    await Promise.all([
      writeFile(join(work, names.ass), assOf(plan.cues, plan.labels)),
      writeFile(at(names.vtt), vttOf(plan.cues)),
      writeFile(join(work, names.vtt), vttOf(plan.cues)),
      writeFile(at(names.transcript), transcriptPage(events, plan, filmTimeOf)),
    ])
    const says = events.filter((event) => event.kind === 'say')
    const shown = [...stills].map(([name, time]): StillSaid => {
      const cue = plan.cues.find(({ start, end }) => filmTimeOf(time) >= start && filmTimeOf(time) < end)
      return { name, at: time, said: cue && says[cue.said] }
    })
    const contradicted = stillFaults(shown, readChecks(await readFile(at(names.numbers), 'utf8')))
    const times = pictures.map((picture) => (picture.at - beganAt) / 1000)
    const clips = shownPictures(times, plan.segments).map(({ picture, seconds }) => ({ file: pictures[picture]?.file ?? '', seconds }))
    const title = `WebSocket scaling lab: ${recording.scenes.map(({ title }) => title).join('; ')}`
    const comment = `scenes ${recording.scenes.map(({ name }) => name).join(', ')} ${checksum}`
    await encode({ folder: work, clips, ass: names.ass, vtt: names.vtt, output: names.film, metadata: { title, comment } })
    await copyFile(join(work, names.film), at(names.film))
    for (const [name, time] of stills) {
      await still(work, `${name}.png`, names.ass, filmTimeOf(time), `${name}-small.png`)
      await copyFile(join(work, `${name}-small.png`), at(`${names.stills}/${name}.png`))
    }
    const best = stills.has('at-maximum') ? 'at-maximum' : [...stills.keys()][0]
    if (best !== undefined) await drawPoster(join(work, `${best}.png`), at(names.poster), work)
    const files = [names.poster, ...[...stills.keys()].map((name) => `${names.stills}/${name}.png`)]
    return { checksum, faults: [...plan.late, ...contradicted, ...recording.troubles, ...(await tooBig(folder, files))] }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function checksumOfScenes({ scenes }: Recording): Promise<string> {
  const scripts = scenes.map(async ({ name }) => ({ name, text: await readFile(new URL(`../scenes/${name}.ts`, import.meta.url), 'utf8') }))
  return checksumOf(await Promise.all(scripts))
}

async function tooBig(folder: string, files: readonly string[]): Promise<string[]> {
  const sizes = await Promise.all(files.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })))
  return sizes.flatMap(({ name, bytes }) => (bytes > maxPictureBytes ? [`${name}: ${bytes} bytes, allowed are ${maxPictureBytes}`] : []))
}
