/** Creates a recording's files: the film, its captions, the transcript, the stills and a poster. */
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assOf } from './ass.ts'
import { encode, still } from './ffmpeg.ts'
import { lateChanges, planOf } from './film.ts'
import { readChecks, type StillSaid, stillFaults } from './numbers.ts'
import { drawPoster } from './poster.ts'
import type { Recording } from './record.ts'
import { filmSeconds, filmTime, shownPictures } from './timeline.ts'
import { transcriptPage } from './transcript.ts'
import { maxPictureBytes, names } from './verify.ts'
import { narrationOf, soundSeconds, speak } from './voice.ts'
import { vttOf } from './vtt.ts'

/**
 * Creates all files of a recording and removes the captured images. Resolves with the defects that were found, one line each.
 * @param voice whether the film gets a narration track
 */
export async function finish(folder: string, recording: Recording, voice = false): Promise<string[]> {
  const { pictureFolder: work, pictures, beganAt, events, stills, story } = recording
  const at = (name: string) => join(folder, name)
  try {
    const says = events.filter((event) => event.kind === 'say')
    const sounds = voice
      ? await speak(
          says.map(({ text }) => text),
          work,
        )
      : []
    const plan = planOf(recording, sounds.map(soundSeconds))
    const filmTimeOf = (time: number) => filmTime(plan.segments, (time - beganAt) / 1000)
    if (voice) {
      const starts = says.map((_, index) => plan.cues.find(({ said }) => said === index)?.start ?? 0)
      await writeFile(join(work, names.narration), narrationOf(sounds, starts, filmSeconds(plan.segments)))
    }
    await Promise.all([
      writeFile(join(work, names.ass), assOf(plan.cues, plan.labels)),
      writeFile(at(names.vtt), vttOf(plan.cues)),
      writeFile(join(work, names.vtt), vttOf(plan.cues)),
      writeFile(at(names.transcript), transcriptPage(events, plan, filmTimeOf)),
    ])
    const shown = [...stills].map(([name, time]): StillSaid => {
      const cue = plan.cues.find(({ start, end }) => filmTimeOf(time) >= start && filmTimeOf(time) < end)
      return { name, at: time, said: cue && says[cue.said] }
    })
    const contradicted = stillFaults(shown, readChecks(await readFile(at(names.numbers), 'utf8')))
    const times = pictures.map((picture) => (picture.at - beganAt) / 1000)
    const clips = shownPictures(times, plan.segments).map(({ picture, seconds }) => ({ file: pictures[picture]?.file ?? '', seconds }))
    const { title } = story.storyboard
    const comment = `storyboard ${story.name} ${story.checksum}`
    const narration = voice ? names.narration : null
    await encode({ folder: work, clips, ass: names.ass, vtt: names.vtt, narration, output: names.film, metadata: { title, comment } })
    await copyFile(join(work, names.film), at(names.film))
    for (const [name, time] of stills) {
      await still(work, `${name}.png`, names.ass, filmTimeOf(time), `${name}-small.png`)
      await mkdir(dirname(at(`${names.stills}/${name}.png`)), { recursive: true })
      await copyFile(join(work, `${name}-small.png`), at(`${names.stills}/${name}.png`))
    }
    const best = stills.has('poster') ? 'poster' : [...stills.keys()][0]
    if (best !== undefined) await drawPoster({ still: join(work, `${best}.png`), title, output: at(names.poster), folder: work })
    const files = [...(best === undefined ? [] : [names.poster]), ...[...stills.keys()].map((name) => `${names.stills}/${name}.png`)]
    return [...plan.late, ...lateChanges(recording, pictures), ...contradicted, ...recording.troubles, ...(await tooBig(folder, files))]
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function tooBig(folder: string, files: readonly string[]): Promise<string[]> {
  const sizes = await Promise.all(files.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })))
  return sizes.flatMap(({ name, bytes }) => (bytes > maxPictureBytes ? [`${name}: ${bytes} bytes, allowed are ${maxPictureBytes}`] : []))
}
