/** Reads the length of a listen queue from Linux' table of TCP sockets. Pure. */

/**
 * Returns the number of connections that wait to be accepted on a port, from the text of /proc/net/tcp.
 * @throws Error if no process listens on the port
 */
export function listenQueue(table: string, port: number): number {
  // The columns are: number, local address, remote address, state (0A: listening), and the lengths of the two queues, all hexadecimal.
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/))
  const [row] = rows.filter(([, local = '', , state]) => local.endsWith(end) && state === '0A')
  if (row === undefined) throw new Error(`no process listens on port ${port}`)
  return Number.parseInt(row[4]?.split(':')[1] ?? '', 16)
}
