/** How progress looks: a spinner in a terminal, plain lines elsewhere, and always on stderr. */
import { Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2'

/** Runs tasks one after another. @throws what a task throws */
export async function withProgress(tasks: readonly ListrTask[]): Promise<void> {
  const processOutput = new ProcessOutput(process.stderr, process.stderr, { leaveEmptyLine: false })
  const rendererOptions = { logger: new ListrLogger({ useIcons: true, processOutput }) }
  const looks = process.stderr.isTTY
    ? ({ renderer: 'default', rendererOptions } as const)
    : ({ renderer: 'simple', rendererOptions } as const)
  await new Listr([...tasks], { ...looks, concurrent: false }).run()
}
