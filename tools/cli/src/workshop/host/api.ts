/** The HTTP server of the instructor's page: accepts the reports of labs, and serves the page and its data. */
import { readFileSync } from 'node:fs'
import { labProgress, workshopBounds, workshopPaths } from '@lab/contract/workshop-api.ts'
import { atMost, contentType, protect, sharedStyle } from '@lab/live/api.ts'
import { Hono } from 'hono'
import { steps } from '../steps.ts'
import type { Room } from './room.ts'

/**
 * Creates the HTTP app, without listening on a port.
 * @param joinUrl address that learners pass to `./lab workshop join`
 * @param allowed additional origins that may read and report progress
 */
export function createRoomApi(room: Room, joinUrl: string, allowed: readonly string[], nowMs: () => number): Hono {
  const app = new Hono()
  app.use(protect(allowed))
  const attribute = (value: unknown) => JSON.stringify(value).replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const files = {
    [workshopPaths.page]: 'index.html',
    '/room.css': 'room.css',
    '/room.js': 'room.js',
  }
  for (const [path, file] of Object.entries(files)) {
    const text = readFileSync(new URL(`./page/${file}`, import.meta.url), 'utf8')
      .replace('{{paths}}', attribute(workshopPaths))
      .replace('{{steps}}', attribute(steps.map(({ number, title }) => ({ number, title }))))
      .replace('{{join}}', joinUrl)
    app.get(path, (c) => c.body(text, 200, { 'content-type': contentType(file) }))
  }
  const style = sharedStyle()
  app.get('/style.css', (c) => c.body(style, 200, { 'content-type': contentType('style.css') }))
  app.get(workshopPaths.labs, (c) => c.json(room.view(nowMs())))
  app.post(workshopPaths.progress, atMost(workshopBounds.bodyBytes), async (c) => {
    const given: unknown = await c.req.json().catch(() => undefined)
    if (given === undefined) return c.json({ error: 'body: allowed is JSON' }, 400)
    const parsed = labProgress.safeParse(given)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return c.json({ error: `${issue?.path.join('.') || 'body'}: ${issue?.message}` }, 400)
    }
    const refusal = room.report(parsed.data, nowMs())
    return refusal === null ? c.json({ ok: true }) : c.json({ error: refusal.error }, refusal.status)
  })
  app.notFound((c) => c.json({ error: `the path ${c.req.path} does not exist` }, 404))
  return app
}
