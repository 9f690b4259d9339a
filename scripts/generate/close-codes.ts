/** docs/close-codes.md, from contract/src/close-codes.ts. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { code, heading, table } from './markdown.ts'

const senders = { server: 'the service', client: 'the client', either: 'either side', nobody: 'nobody: never on the wire' } as const

/** The page. */
export function closeCodesPage(): string {
  const rows = Object.entries(closeCodes).map(([cause, { code: number, reason, comeBack, sentBy }]) => [
    String(number),
    code(cause),
    reason,
    senders[sentBy],
    comeBack ? 'yes' : 'no',
  ])
  return `${heading('Close codes', 'contract/src/close-codes.ts')}
Why a connection ends. Code and cause are labels of \`${metrics.connectionsClosed.name}\`.
1000 to 1015 are those of RFC 6455, 4000 to 4999 are the lab's own.

${table(['Code', 'Cause', 'Reason', 'Sent by', 'May the client come back'], rows)}
`
}
