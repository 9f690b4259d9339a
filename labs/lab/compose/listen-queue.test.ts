/** Tests the reading of a listen queue, on the table of a replica whose queue was full. */
import { expect, test } from 'vitest'
import { listenQueue } from './listen-queue.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:24F8 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 41 1
   1: 0100007F:0BB9 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 42 1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt
   0: 00000000000000000000000000000000:0BB9 00000000000000000000000000000000:0000 0A 00000000:00000200 00:00000000 00000000  1000 0 40 1
`

test('the queue belongs to the listening socket of the port', () => {
  expect([listenQueue(table, 3001), listenQueue(table, 9464)]).toEqual([512, 2])
  expect(() => listenQueue(table, 80)).toThrow('no process listens on port 80')
})
