/** Checks that the generated files in the repository match the output of `npm run generate`. */
import { metrics } from '@lab/contract/metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { dashboardFolder, generatedFiles } from '@lab/generate/files.ts'
import { describe, expect, test } from 'vitest'
import { read, repoFiles } from './lib/repo-files.ts'

const generated = generatedFiles()

describe('npm run generate', () => {
  test.each([...generated])('would not change %s', (path, content) => {
    expect(read(path), 'stale: run npm run generate').toBe(content)
  })

  test('is deterministic', () => {
    expect([...generatedFiles()]).toEqual([...generated])
  })

  test('generates every provisioned dashboard', () => {
    const committed = repoFiles((path) => path.startsWith(`${dashboardFolder}/`) && path.endsWith('.json'))
    expect(committed).toEqual([...generated.keys()].filter((path) => path.startsWith(dashboardFolder)).sort())
  })

  test('explains every metric', () => {
    const page = generated.get('docs/metrics.md') ?? ''
    const all = [...Object.values(metrics), ...Object.values(scalerMetrics)]
    expect(all.filter(({ name, help }) => !page.includes(`\`${name}\``) || !page.includes(help))).toEqual([])
  })
})
