import { expect, test } from 'vitest'
import { type AuditEntry, syncsOf } from './audit.ts'

const at = (second: string) => `2026-01-01T12:00:${second}Z`
const objectRef = (resource: string, subresource: string, namespace = 'open') => ({ resource, subresource, namespace })
const scale = (second: string, namespace?: string): AuditEntry => ({
  verb: 'get',
  requestReceivedTimestamp: at(second),
  objectRef: objectRef('deployments', 'scale', namespace),
  responseStatus: { code: 200 },
})
const write = (second: string, replicas: number, code = 200): AuditEntry => ({
  ...scale(second),
  verb: 'update',
  requestObject: { spec: { replicas } },
  responseStatus: { code },
})
const status = (second: string, desiredReplicas: number): AuditEntry => ({
  verb: 'update',
  requestReceivedTimestamp: at(second),
  objectRef: objectRef('horizontalpodautoscalers', 'status'),
  responseStatus: { code: 200 },
  responseObject: { status: { desiredReplicas } },
})
const event = (second: string, message: string): AuditEntry => ({
  verb: 'create',
  requestReceivedTimestamp: at(second),
  objectRef: { resource: 'events', namespace: 'open' },
  responseStatus: { code: 201 },
  responseObject: { type: 'Normal', reason: 'SuccessfulRescale', message },
})

test('each request for the scale target begins a sync, to which the later requests belong', () => {
  const log = [
    status('00.000000', 9),
    scale('03.250000'),
    scale('03.300000', 'closed'),
    // The API server writes an entry when a request is complete, so entries may be out of order.
    status('03.500000', 4),
    write('03.400000', 4),
    event('03.600000', '(combined from similar events): New size: 4'),
    scale('06.250000'),
    write('06.300000', 7, 409),
  ]
  expect(syncsOf(log, 'open')).toEqual([
    {
      atSeconds: Date.parse(at('03.250')) / 1000,
      endSeconds: Date.parse(at('03.500')) / 1000,
      scaleTo: 4,
      status: { desiredReplicas: 4 },
      events: [{ type: 'Normal', reason: 'SuccessfulRescale', message: 'New size: 4' }],
    },
    {
      atSeconds: Date.parse(at('06.250')) / 1000,
      endSeconds: Date.parse(at('06.250')) / 1000,
      scaleTo: null,
      status: { desiredReplicas: 4 },
      events: [],
    },
  ])
  expect(syncsOf(log, 'closed')).toHaveLength(1)
})
