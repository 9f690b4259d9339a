/** Generates docs/close-codes.md from contract/src/close-codes.ts. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { code, heading, table } from '@lab/host/markdown.ts'

const senders = {
  server: 'the service',
  client: 'the client',
  either: 'either side',
  nobody: 'neither side; this code is never sent',
} as const

/** Renders the close codes page as Markdown. */
export function closeCodesPage(): string {
  const rows = Object.entries(closeCodes).map(([cause, { code: number, reason, comeBack, sentBy }]) => [
    String(number),
    code(cause),
    reason,
    senders[sentBy],
    comeBack ? 'yes' : 'no',
  ])
  return `${heading('Close codes', 'contract/src/close-codes.ts')}
This table lists the close codes of connections, and the cause of each code. The code and the cause are labels of
\`${metrics.connectionsClosed.name}\`. The codes 1000 to 1015 are defined by RFC 6455, and the codes 4000 to 4999 by the lab.

${table(['Code', 'Cause', 'Reason', 'Sent by', 'May the client reconnect'], rows)}
`
}
