/** Plays a storyboard as a scene: each step becomes one or two calls of the director. Pure. */
import type { Readings } from '@lab/lab/lab.ts'
import type { Measured } from './events.ts'
import type { Director, Scene } from './scene.ts'
import { isStoryFigure, StoryFigures } from './story-figures.ts'
import type { Step, Storyboard } from './storyboard.ts'

export interface StoryOptions {
  /** Name of the storyboard, for the transcript. */
  name: string
  /** Returns how many seconds a viewer needs to read a caption. */
  readingSeconds: (text: string) => number
}

/** Creates the scene that plays a storyboard. */
export function storyScene(storyboard: Storyboard, options: StoryOptions): Scene {
  return {
    name: options.name,
    title: storyboard.title,
    needs: ['scaler'],
    play: (director) => new Story(director, options).play(storyboard),
  }
}

class Story {
  private readonly director: Director
  private readonly readingSeconds: StoryOptions['readingSeconds']
  private readonly figures: StoryFigures
  private resume: (() => Promise<void>) | undefined
  private rollout: (() => Promise<void>) | undefined

  constructor(director: Director, { readingSeconds }: StoryOptions) {
    this.director = director
    this.readingSeconds = readingSeconds
    this.figures = new StoryFigures((sockets) => director.near(sockets), director.timeScale)
  }

  async play({ chapters }: Storyboard): Promise<void> {
    for (const { title, steps } of chapters) {
      this.figures.beginChapter(await this.director.now())
      await this.director.chapter(title)
      for (const [index, step] of steps.entries()) await this.take(step, steps[index + 1])
      await this.endRollout()
    }
  }

  private async take(step: Step, next: Step | undefined): Promise<void> {
    const { director, figures } = this
    switch (step.kind) {
      case 'show':
        return director.show(step.show)
      case 'say':
        return this.say(step.say, next)
      case 'load':
        figures.changed((await this.now()).atSeconds, step.load)
        return director.load(step.load)
      case 'until': {
        const seen = (now: Readings) => {
          figures.observe(now)
          return figures.holds(step.until, now)
        }
        const met = await director.until(step.until, seen, step.within)
        return figures.met(met.readings.atSeconds)
      }
      case 'hold':
        return director.hold(step.hold)
      case 'run':
        return director.run(step.run, step.lines)
      case 'fault': {
        const now = await this.now()
        const ready = now.replicas.filter(({ state }) => state === 'ready').toSorted((a, b) => a.sockets - b.sockets)
        const replica = ready.at(step.replica === 'fullest' ? -1 : 0)
        if (replica === undefined) throw new Error(`${step.fault}: no replica is ready`)
        figures.changed(now.atSeconds)
        await director.fault(step.fault, replica.id, step.fault === 'kill' ? `${replica.id} is killed` : `${replica.id} is asked to drain`)
        return
      }
      case 'rollout':
        figures.changed((await this.now()).atSeconds)
        this.rollout = await director.rollOut()
        return
      case 'scaler':
        if (step.scaler === 'pause') this.resume = await director.pauseScaler()
        else await this.resume?.()
        return
      case 'still':
        return director.still(step.still)
    }
  }

  /** A rollout that a chapter started ends before the next chapter begins. */
  private async endRollout(): Promise<void> {
    await this.rollout?.()
    this.rollout = undefined
  }

  /** Adds the first caption whose numbers the lab has, and gives the viewer time to read it unless the next step waits anyway. */
  private async say(texts: readonly string[], next: Step | undefined): Promise<void> {
    const now = await this.now()
    for (const [index, text] of texts.entries()) {
      const numbers: Record<string, Measured> = {}
      const missing = [...text.matchAll(/\{(\w+)\}/g)].filter(([, name = '']) => {
        const measured = isStoryFigure(name) ? this.figures.measure(name, now, this.director.sources) : null
        if (measured !== null) numbers[name] = measured
        return measured === null
      })
      if (missing.length > 0 && index + 1 < texts.length) continue
      if (missing.length > 0) throw new Error(`this lab has no value for ${missing.map(([, name]) => name).join(', ')} in: ${text}`)
      await this.director.say(text, numbers)
      if (next?.kind !== 'until') await this.director.hold(this.readingSeconds(text))
      return
    }
  }

  private async now(): Promise<Readings> {
    const now = await this.director.now()
    this.figures.observe(now)
    return now
  }
}
