/** Keeps changes on a stack and undoes each of them exactly once, newest first. Pure. */

/**
 * Undoes one change before the end of the scene, at most once, no matter how often it is called. Rejects if the change cannot be undone.
 */
export type Undo = () => Promise<void>

interface Act {
  readonly text: string
  readonly undo: () => Promise<void>
}

export class UndoStack {
  private readonly acts: Act[] = []
  private readonly report: (text: string) => Promise<void>

  /** @param report called after each undo function with one line that says whether it succeeded or failed */
  constructor(report: (text: string) => Promise<void>) {
    this.report = report
  }

  /** Registers an undo. Register an undo function before making the change that it undoes, because the change may fail halfway. */
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

  /**
   * Undoes all remaining changes, even if some of the undo functions fail. Resolves with one line for each change that could not be undone.
   */
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
    // An error in the report function must not prevent the remaining undo functions from running.
    await attempt(() => this.report(failure === undefined ? text : `${text}: failed`))
    return failure
  }
}

/** Runs a function and returns its error, or undefined if the function succeeded. */
export async function attempt(what: () => Promise<void>): Promise<Error | undefined> {
  try {
    await what()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
