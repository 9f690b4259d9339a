/** Tests that a folder is packed into an archive that tar can read. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { packFolder } from './archive.ts'

function madeFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), 'lab-archive-'))
  onTestFinished(() => rmSync(parent, { recursive: true }))
  const folder = join(parent, 'report')
  mkdirSync(folder)
  writeFileSync(join(folder, 'versions.txt'), 'Node\n')
  writeFileSync(join(folder, 'log-ws.txt'), 'a line\n'.repeat(10_000))
  return folder
}

test('an archive contains every file unchanged, and no user names', async () => {
  const folder = madeFolder()
  const file = await packFolder(folder)
  expect(file).toBe(`${folder}.tar.gz`)
  const { stdout } = await execa('tar', ['--list', '--verbose', '--numeric-owner', '--gzip', '--file', file])
  expect(stdout.split('\n').map((line) => line.split(/\s+/).at(-1))).toEqual(
    expect.arrayContaining(['report/', 'report/versions.txt', 'report/log-ws.txt']),
  )
  for (const line of stdout.split('\n')) expect(line).toMatch(/^[d-][rwx-]{9} 0\/0 /)
  const other = join(folder, '..', 'other')
  mkdirSync(other)
  await execa('tar', ['--extract', '--gzip', '--file', file, '--directory', other])
  expect(readdirSync(join(other, 'report')).sort()).toEqual(['log-ws.txt', 'versions.txt'])
  expect(readFileSync(join(other, 'report', 'log-ws.txt'), 'utf8')).toBe('a line\n'.repeat(10_000))
})

test('an existing archive is not overwritten', async () => {
  const folder = madeFolder()
  writeFileSync(`${folder}.tar.gz`, 'mine')
  await expect(packFolder(folder)).rejects.toThrow('report.tar.gz already exists')
  expect(readFileSync(`${folder}.tar.gz`, 'utf8')).toBe('mine')
})
