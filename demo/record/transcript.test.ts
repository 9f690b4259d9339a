import { expect, test } from 'vitest'
import type { DemoEvent, EventBody } from '../core/events.ts'
import { transcriptPage } from './transcript.ts'

const event = (seconds: number, body: EventBody) => ({ at: seconds * 1000, seconds, ...body }) as DemoEvent

test('says what is said when, and where each number is from', () => {
  const events = [
    event(4, { kind: 'scene', name: 'surge', title: 'a rush', surface: 'embedded', seed: 7, timeScale: 5 }),
    event(5, { kind: 'chapter', title: 'At rest' }),
    event(6, {
      ...{ kind: 'say', text: '2 replicas, 40 sockets.' },
      numbers: {
        replicas: { value: 2, unit: 'replicas', source: 'readyz' },
        sockets: { value: 40, unit: 'sockets', source: 'connections, summed' },
      },
    }),
    event(70, { kind: 'fault', name: 'kill', target: 'ws-1', text: 'ws-1 is killed' }),
    event(71, { kind: 'still', name: 'failure' }),
    event(75, { kind: 'end', verdict: 'passed', text: 'every fact was met' }),
  ]
  expect(transcriptPage(events, { labels: [{ start: 10, end: 64, text: '×4 faster' }] }, (at) => at / 1000)).toBe(`# Transcript of the film

Each number was measured at the moment at which it is said. Made by \`npm run demo:record\`.
Not at its own pace: 0:10 to 1:04 ×4 faster.

## surge: a rush

On the embedded lab, seed 7; the scaler's clock runs 5 times as fast.

### At rest

- \`0:06\` 2 replicas, 40 sockets.
  (2: readyz; 40: connections, summed)
- \`1:10\` *ws-1 is killed*

Passed: every fact was met.
`)
})
