/**
 * Simulates the network between the router and the replicas: all connections can be slowed down, and individual replicas can be cut off.
 */
import type { Socket } from 'node:net'
import { SimulatedConnection } from './simulated-connection.ts'

export class Network {
  private readonly connections = new Map<SimulatedConnection, string>()
  private readonly cut = new Set<string>()
  private addedMs = 0

  /** Routes a connection to a replica through the simulated network. */
  connect(id: string, socket: Socket): SimulatedConnection {
    const connection = new SimulatedConnection(socket, () => ({ delayMs: this.addedMs, cut: this.cut.has(id) }))
    this.connections.set(connection, id)
    const forget = () => void (connection.isOver && this.connections.delete(connection))
    connection.on('close', forget)
    socket.on('close', forget)
    return connection
  }

  /** Delay added to all data that replicas send. Milliseconds. */
  get delayMs(): number {
    return this.addedMs
  }

  /** Delays all data that replicas send. The delay is in milliseconds; zero restores the normal speed. */
  slow(delayMs: number): void {
    this.addedMs = delayMs
    for (const connection of [...this.connections.keys()]) connection.networkChanged()
  }

  isCut(id: string): boolean {
    return this.cut.has(id)
  }

  /** Cuts or restores the network connection to a replica. */
  setCut(id: string, cut: boolean): void {
    if (cut) this.cut.add(id)
    else this.cut.delete(id)
    for (const [connection, of] of [...this.connections]) if (of === id) connection.networkChanged()
  }

  /** Removes the delay and reconnects every replica that was cut off. */
  heal(): void {
    for (const id of [...this.cut]) this.setCut(id, false)
    this.slow(0)
  }
}
