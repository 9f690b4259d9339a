/** Tests how the Compose project's name and report folder are determined. */
import { expect, test } from 'vitest'
import { projectOf, reportsFolder } from './project.ts'

test.each([
  ['/somewhere/websocket-scaling-lab/', 'websocket-scaling-lab'],
  ['/somewhere/My Lab (2)/', 'mylab2'],
  ['/somewhere/_.Lab/', 'lab'],
])('a checkout in %s has the project name %s', (folder, name) => {
  expect(projectOf({}, folder)).toBe(name)
  expect(projectOf({ COMPOSE_PROJECT_NAME: '' }, folder)).toBe(name)
})

test('COMPOSE_PROJECT_NAME wins, and two projects write to different folders', () => {
  expect(reportsFolder({ COMPOSE_PROJECT_NAME: 'lab2' })).toBe('reports/lab2')
  expect(reportsFolder({ COMPOSE_PROJECT_NAME: 'lab3' })).toBe('reports/lab3')
})
