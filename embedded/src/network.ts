/** The network between the lab and its replicas: whole, slow, or cut to one of them. */
import type { Socket } from 'node:net'
import { Link } from './link.ts'

export class Network {
  private readonly links = new Map<Link, string>()
  private readonly cut = new Set<string>()
  private delayMs = 0

  /** Puts a connection to a replica on this network. */
  link(id: string, socket: Socket): Link {
    const link = new Link(socket, () => ({ delayMs: this.delayMs, cut: this.cut.has(id) }))
    this.links.set(link, id)
    const forget = () => void (link.isOver && this.links.delete(link))
    link.on('close', forget)
    socket.on('close', forget)
    return link
  }

  /** How late answers arrive. Milliseconds. */
  get slowness(): number {
    return this.delayMs
  }

  /** Lets every answer arrive so much later. Milliseconds; zero is as usual. */
  slow(delayMs: number): void {
    this.delayMs = delayMs
    for (const link of [...this.links.keys()]) link.weatherChanged()
  }

  isCut(id: string): boolean {
    return this.cut.has(id)
  }

  /** Cuts a replica off, or connects it again. */
  setCut(id: string, cut: boolean): void {
    if (cut) this.cut.add(id)
    else this.cut.delete(id)
    for (const [link, of] of [...this.links]) if (of === id) link.weatherChanged()
  }

  /** As usual, for all. */
  heal(): void {
    for (const id of [...this.cut]) this.setCut(id, false)
    this.slow(0)
  }
}
