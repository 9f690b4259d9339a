/** The guard process briefly outlives the lab and kills any child processes that the lab has left running. See guard.ts. */
import { createInterface } from 'node:readline'

const left = new Set<number>()
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line.startsWith('+')) left.add(pid)
  else left.delete(pid)
}
for (const pid of left) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The child process has already exited, so there is nothing to kill.
  }
}
