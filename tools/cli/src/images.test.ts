/** Checks the list of the lab's images and the names that the images get on another machine. */

import type { Model } from '@lab/lab/compose/project.ts'
import { expect, test } from 'vitest'
import { imagesNamedIn, imagesOf, loadedImages, renames, withDigests } from './images.ts'

const service = (changes: object) => ({ profiles: [], ports: [], environment: {}, depends_on: {}, ...changes })
const lab: Model = {
  name: 'here',
  services: {
    ws: service({ build: {} }),
    a: service({ image: 'haproxy:3' }),
    b: service({ image: 'haproxy:3' }),
    k6: service({ image: 'registry.example:5000/k6', profiles: ['load'] }),
  },
}

test('lists each image once, with its tag, including the images of profiles', () => {
  expect(imagesOf(lab)).toEqual([
    { image: 'haproxy:3', services: ['a', 'b'], built: false },
    { image: 'here-ws:latest', services: ['ws'], built: true },
    { image: 'registry.example:5000/k6:latest', services: ['k6'], built: false },
  ])
  expect(imagesOf(lab, ['b']).map(({ image }) => image)).toEqual(['haproxy:3'])
})

test('an image that was built in another project gets the name of this project', () => {
  const loaded = loadedImages('Loaded image: haproxy:3\nLoaded image: there-ws:latest\n')
  expect(loaded).toEqual(['haproxy:3', 'there-ws:latest'])
  expect(renames(lab, loaded)).toEqual([{ from: 'there-ws:latest', to: 'here-ws:latest' }])
  expect(renames(lab, ['here-ws:latest', 'there-ws:latest'])).toEqual([])
})

test('a digest is appended to a tag, replaced by a newer one, and removed', () => {
  const digest = (digit: string) => `sha256:${digit.repeat(64)}`
  const text = `services:
  a:
    image: traefik:v3.6.12
  b: { image: not-in-a-line:1 }
  c:
    image: registry.example:5000/some_team/k6:1
FROM node:24.21.0-bookworm-slim AS dependencies
COPY --from=docker /usr/local/bin/docker /
`
  expect(imagesNamedIn(text)).toEqual(['traefik:v3.6.12', 'registry.example:5000/some_team/k6:1', 'node:24.21.0-bookworm-slim'])
  const once = withDigests(text, () => digest('a'))
  expect(once).toContain(`image: traefik:v3.6.12@${digest('a')}\n`)
  expect(once).toContain(`FROM node:24.21.0-bookworm-slim@${digest('a')} AS dependencies\n`)
  expect(imagesNamedIn(once)).toEqual(imagesNamedIn(text))
  const newer = withDigests(once, (image) => (image.startsWith('node') ? digest('b') : undefined))
  expect(newer).toBe(text.replace('-slim AS', `-slim@${digest('b')} AS`))
  expect(withDigests(newer, () => undefined)).toBe(text)
})
