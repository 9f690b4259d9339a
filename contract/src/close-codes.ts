/**
 * Defines each close code, its reason, and whether a client may reconnect afterwards. RFC 6455, section 7.4, and the IANA registry define
 * close codes 1000 to 1015. Close codes 4000 to 4999 are specific to this application. The codes and keys in `closeCodes` are also the
 * values of the `code` and `cause` labels of the metric that counts closed connections.
 */
export interface CloseCode {
  code: number
  reason: string
  comeBack: boolean
  /**
   * The side of the connection that sends the close code: server, client, either, or neither. Neither client nor server may send 1005 or
   * 1006 in a close frame (RFC 6455, section 7.4.1).
   */
  sentBy: 'server' | 'client' | 'either' | 'nobody'
}

export const closeCodes = {
  normal: { code: 1000, reason: 'done', comeBack: false, sentBy: 'either' },
  going_away: { code: 1001, reason: 'going away', comeBack: true, sentBy: 'client' },
  protocol_error: { code: 1002, reason: 'protocol error', comeBack: false, sentBy: 'either' },
  no_status: { code: 1005, reason: 'no status', comeBack: true, sentBy: 'nobody' },
  abnormal: { code: 1006, reason: 'connection lost', comeBack: true, sentBy: 'nobody' },
  invalid_payload: { code: 1007, reason: 'not valid UTF-8', comeBack: false, sentBy: 'either' },
  rate_abuse: { code: 1008, reason: 'too many messages', comeBack: false, sentBy: 'server' },
  frame_too_large: { code: 1009, reason: 'frame too large', comeBack: false, sentBy: 'server' },
  internal: { code: 1011, reason: 'internal error', comeBack: true, sentBy: 'server' },
  draining: { code: 1012, reason: 'replica is shutting down', comeBack: true, sentBy: 'server' },
  slow_reader: { code: 1013, reason: 'client reads too slowly', comeBack: true, sentBy: 'server' },
  idle: { code: 4001, reason: 'idle for too long', comeBack: true, sentBy: 'server' },
  heartbeat_lost: { code: 4002, reason: 'no response to a ping', comeBack: true, sentBy: 'server' },
  replaced: { code: 4003, reason: 'the session continues on another connection', comeBack: false, sentBy: 'server' },
  moving_on: { code: 4004, reason: 'the client is moving to another connection', comeBack: true, sentBy: 'client' },
  resource_limit: { code: 4005, reason: "client uses too much of this replica's memory", comeBack: true, sentBy: 'server' },
  other: { code: 4999, reason: 'any other code with which a client closed the connection', comeBack: true, sentBy: 'client' },
} as const satisfies Record<string, CloseCode>
export type CloseCause = keyof typeof closeCodes

const causesByCode = new Map<number, CloseCause>(Object.entries(closeCodes).map(([cause, { code }]) => [code, cause as CloseCause]))

/** Returns the cause that a close code stands for, or `other` if the code is unknown. */
export function causeOfCode(code: number): CloseCause {
  return causesByCode.get(code) ?? 'other'
}
