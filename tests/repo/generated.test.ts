/** Committed files that are generated must be what `npm run generate` would write. */
import { metrics } from '@lab/contract/metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import { dashboardFolder, generatedFiles } from '../../scripts/generate/files.ts'
import { read, repoFiles } from './lib/repo-files.ts'

const generated = generatedFiles()

describe('npm run generate', () => {
  test.each([...generated])('would leave %s as it is', (path, content) => {
    expect(read(path), 'stale: run npm run generate').toBe(content)
  })

  test('gives the same twice', () => {
    expect([...generatedFiles()]).toEqual([...generated])
  })

  test('makes every dashboard that Grafana reads', () => {
    const committed = repoFiles((path) => path.startsWith(`${dashboardFolder}/`) && path.endsWith('.json'))
    expect(committed).toEqual([...generated.keys()].filter((path) => path.startsWith(dashboardFolder)).sort())
  })

  test('explains every metric', () => {
    const page = generated.get('docs/metrics.md') ?? ''
    const all = [...Object.values(metrics), ...Object.values(scalerMetrics)]
    expect(all.filter(({ name, help }) => !page.includes(`\`${name}\``) || !page.includes(help))).toEqual([])
  })
})
