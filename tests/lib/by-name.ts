import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Runs the test files in order of their names, so that every run of the stack tests uses the same order. */
export class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId))
  }
}
