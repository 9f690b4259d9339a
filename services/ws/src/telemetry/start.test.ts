/** Tests that disabled telemetry parts are not loaded, and that a failed export is reported. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startTelemetry } from './start.ts'

const nowhere = 'http://127.0.0.1:9/'
const options = { logsUrl: nowhere, tracesUrl: nowhere, ratio: 1, replica: 'ws-1', version: '0', onTrouble: () => {} }

/** Returns the packages that a process loads if the given telemetry parts are enabled. */
async function loads(parts: string): Promise<string[]> {
  const program = `
    import { registerHooks } from 'node:module'
    const seen = new Set()
    registerHooks({ resolve: (name, context, next) => {
      if (name.startsWith('@opentelemetry/')) seen.add(name)
      return next(name, context)
    } })
    const { startTelemetry } = await import(${JSON.stringify(new URL('start.ts', import.meta.url).href)})
    await startTelemetry({ ...${JSON.stringify(options)}, parts: ${JSON.stringify(parts)}, onTrouble() {} })
    console.log(JSON.stringify([...seen]))
    process.exit()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 })
  return JSON.parse(stdout) as string[]
}

describe('loads', () => {
  test.each(['', 'load', 'logging-and-more'])('nothing for %j', async (parts) => {
    expect(await loads(parts)).toEqual([])
  })

  test('only the libraries of enabled parts', async () => {
    expect(await loads('load,tracing')).toContain('@opentelemetry/sdk-trace')
    expect(await loads('tracing')).not.toContain('@opentelemetry/sdk-logs')
    expect(await loads('logging')).not.toContain('@opentelemetry/sdk-trace')
    expect(await loads('*')).toEqual(expect.arrayContaining(['@opentelemetry/sdk-trace', '@opentelemetry/sdk-logs']))
  })
})

test('a failed export is reported, and does not delay the end', async () => {
  const { promise: trouble, resolve } = Promise.withResolvers<string>()
  const telemetry = await startTelemetry({ ...options, parts: 'tracing,logging', onTrouble: resolve })
  telemetry.logs?.write(JSON.stringify({ level: 30, time: new Date().toISOString(), msg: 'ready' }))
  telemetry.tracer.upgrade(undefined, { connectionId: 'c1', requestId: 'r1' })?.end()
  const startedMs = performance.now()
  await telemetry.stop()
  expect(performance.now() - startedMs).toBeLessThan(4000)
  expect(await trouble).toMatch(/\S/)
}, 20_000)
