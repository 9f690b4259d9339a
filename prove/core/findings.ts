/** What went wrong, by kind: every case is counted, the first ones are told in words. Pure. */

/** The ways in which a promise can be broken; each makes the run fail. */
export const findingKinds = {
  lost: 'a message that was stored did not reach a member of its room',
  doubled: 'a message was stored twice, or given twice to a member',
  reordered: 'a member was given messages in another order than the room log has, or than their sender sent them',
  unstored: 'a message was answered as stored, or delivered, and is not in the room log; or its place is another one',
  unanswered: 'a message was never answered, though its sender was connected at the end',
  skipped: 'a connection was sent a message of a room and never the one before it',
  repeated: 'a connection was sent a message of a room twice',
  swapped: 'a connection was sent messages of a room in the wrong order',
  gap: 'a client said that it may have missed messages',
  unexplained: 'a connection was lost, and no fault of the plan is the cause',
  failed: 'a fault did not end as it must: a drain with another exit code than 0, or something that did not come back in time',
  silent: 'a kind of fault was planned and never happened',
} as const
export type FindingKind = keyof typeof findingKinds

/** Cases told in words, of each kind. */
const told = 25

export class Findings {
  private readonly counts = new Map<FindingKind, number>()
  private readonly words = new Map<FindingKind, string[]>()

  /** @param words names message, member and place; built only when it will be told */
  add(kind: FindingKind, words: () => string): void {
    const count = (this.counts.get(kind) ?? 0) + 1
    this.counts.set(kind, count)
    if (count > told) return
    this.words.set(kind, [...(this.words.get(kind) ?? []), words()])
  }

  count(kind: FindingKind): number {
    return this.counts.get(kind) ?? 0
  }

  /** The first cases of a kind. */
  first(kind: FindingKind): readonly string[] {
    return this.words.get(kind) ?? []
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }
}
