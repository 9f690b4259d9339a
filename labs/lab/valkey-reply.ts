/** Parses the reply of a Valkey command that `valkey-cli --json` has printed; Valkey sends errors as plain text. Pure. */
export function parseReply(reply: string): unknown {
  try {
    return JSON.parse(reply)
  } catch {
    throw new Error(`Valkey answered ${reply.trim().slice(0, 200)}`)
  }
}
