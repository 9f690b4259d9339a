/** Violations by kind. Counts all violations, and stores descriptions of the first few of each kind. Pure. */

/** Kinds of violations. A single violation is enough for a run to fail. */
export const findingKinds = {
  lost: 'a stored message did not reach a member of its room',
  doubled: 'a message was stored twice, or delivered twice to a member',
  reordered: 'a member received messages in another order than the room log has, or than their sender sent them',
  unstored: 'a message was confirmed as stored or delivered, but the room log lacks it or has it at another place',
  unanswered: 'a message was never answered, although its sender was connected at the end',
  skipped: 'a connection received a message of a room, but never the message before it',
  repeated: 'a connection received a message of a room twice',
  swapped: 'a connection received messages of a room in the wrong order',
  gap: 'a client reported that it may have missed messages',
  unexplained: 'a connection was lost, and no planned fault explains it',
  failed: 'a fault did not end as expected: a drain had an exit code other than 0, or a container was not back in time',
  silent: 'a kind of fault was planned, but never took place',
} as const
export type FindingKind = keyof typeof findingKinds

/** Maximum number of violations per kind whose descriptions are stored. */
const described = 25

export class Findings {
  private readonly counts = new Map<FindingKind, number>()
  private readonly words = new Map<FindingKind, string[]>()

  /** @param words returns a description of the violation; called only for the first violations of each kind */
  add(kind: FindingKind, words: () => string): void {
    const count = (this.counts.get(kind) ?? 0) + 1
    this.counts.set(kind, count)
    if (count > described) return
    this.words.set(kind, [...(this.words.get(kind) ?? []), words()])
  }

  count(kind: FindingKind): number {
    return this.counts.get(kind) ?? 0
  }

  /** Returns the descriptions of the first violations of a kind. */
  first(kind: FindingKind): readonly string[] {
    return this.words.get(kind) ?? []
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }
}
