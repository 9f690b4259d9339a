/** Outlives the lab by a moment: when the lab is gone, however that came about, what it left behind is killed. See guard.ts. */
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
    // It went by itself.
  }
}
