import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { testConfig } from '../test/harness.ts'
import { nameAfterPrefix, replicaName } from './replica-name.ts'

test('REPLICA_ID takes precedence', async () => {
  expect(await replicaName(testConfig({ REPLICA_ID: 'blue', REPLICA_DNS_PREFIX: 'lab-' }))).toBe('blue')
})

test('the host name is the default', async () => {
  expect(await replicaName(testConfig())).toBe(hostname())
  expect(await replicaName(testConfig({ REPLICA_DNS_PREFIX: 'no-such-project-' }))).toBe(hostname())
})

test("in Docker's DNS the name follows the prefix", () => {
  expect(nameAfterPrefix(['other', 'lab-ws-12.lab_stores'], 'lab-')).toBe('ws-12')
  expect(() => nameAfterPrefix(['other'], 'lab-')).toThrow('begins with lab-')
})
