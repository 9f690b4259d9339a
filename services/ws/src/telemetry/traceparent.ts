/** Reads the `traceparent` header of W3C Trace Context, version 00. Pure. */

export interface TraceParent {
  traceId: string
  spanId: string
  sampled: boolean
}

/** Parses the header. Returns undefined if the header is absent or invalid; in that case, a new trace begins. */
export function readTraceparent(text: string | undefined): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest = ''] = pattern.exec(text ?? '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && rest !== '')) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Formats the header. */
export function writeTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
