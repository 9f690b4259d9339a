/** Which images there are, and their names on another machine. */
import { expect, test } from 'vitest'
import { imagesOf, loadedImages, renames } from './images.ts'
import type { Model } from './project.ts'

const service = (changes: object) => ({ profiles: [], ports: [], ...changes })
const lab: Model = {
  name: 'here',
  services: {
    ws: service({ build: {} }),
    a: service({ image: 'haproxy:3' }),
    b: service({ image: 'haproxy:3' }),
    k6: service({ image: 'registry.example:5000/k6', profiles: ['load'] }),
  },
}

test('each image once, with a tag, those of profiles among them', () => {
  expect(imagesOf(lab)).toEqual([
    { image: 'haproxy:3', services: ['a', 'b'], built: false },
    { image: 'here-ws:latest', services: ['ws'], built: true },
    { image: 'registry.example:5000/k6:latest', services: ['k6'], built: false },
  ])
  expect(imagesOf(lab, ['b']).map(({ image }) => image)).toEqual(['haproxy:3'])
})

test('what was built under another project name gets the name of this one', () => {
  const loaded = loadedImages('Loaded image: haproxy:3\nLoaded image: there-ws:latest\n')
  expect(loaded).toEqual(['haproxy:3', 'there-ws:latest'])
  expect(renames(lab, loaded)).toEqual([{ from: 'there-ws:latest', to: 'here-ws:latest' }])
  expect(renames(lab, ['here-ws:latest', 'there-ws:latest'])).toEqual([])
})
