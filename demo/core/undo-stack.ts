/** What is to be taken back, the newest first, each once. Pure. */

/** Undoes one act now rather than at the end; does nothing the second time. Rejects when it cannot be undone. */
export type Undo = () => Promise<void>

interface Act {
  readonly text: string
  readonly undo: () => Promise<void>
}

export class UndoStack {
  private readonly acts: Act[] = []
  private readonly tell: (text: string) => Promise<void>

  /** @param tell hears of each act that was undone, or could not be */
  constructor(tell: (text: string) => Promise<void>) {
    this.tell = tell
  }

  /** From now on this is to be undone. Told before the act itself, which may be done by half only. */
  push(text: string, undo: () => Promise<void>): Undo {
    const act: Act = { text, undo }
    this.acts.push(act)
    return async () => {
      const at = this.acts.indexOf(act)
      if (at < 0) return
      this.acts.splice(at, 1)
      const failure = await this.undo(act)
      if (failure !== undefined) throw new Error(`not undone: ${text} (${failure.message})`)
    }
  }

  /** Undoes all that is left; one that fails keeps none of the others. Resolves with what could not be undone. */
  async undoAll(): Promise<string[]> {
    const leftovers: string[] = []
    for (let act = this.acts.pop(); act !== undefined; act = this.acts.pop()) {
      const failure = await this.undo(act)
      if (failure !== undefined) leftovers.push(`${act.text} (${failure.message})`)
    }
    return leftovers
  }

  private async undo({ text, undo }: Act): Promise<Error | undefined> {
    const failure = await attempt(undo)
    // Whether anybody hears of it keeps nothing from being undone.
    await attempt(() => this.tell(failure === undefined ? text : `${text}: failed`))
    return failure
  }
}

/** What it failed with; undefined: it did not. */
export async function attempt(what: () => Promise<void>): Promise<Error | undefined> {
  try {
    await what()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
