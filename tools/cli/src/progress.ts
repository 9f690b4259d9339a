/** Shows progress on stderr: as a spinner in a terminal, and as plain lines elsewhere. */
import { Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2'

/** Runs tasks one after another. @throws the error of the first task that fails */
export async function withProgress(tasks: readonly ListrTask[]): Promise<void> {
  const processOutput = new ProcessOutput(process.stderr, process.stderr, { leaveEmptyLine: false })
  const rendererOptions = { logger: new ListrLogger({ useIcons: true, processOutput }) }
  const renderer = process.stderr.isTTY
    ? ({ renderer: 'default', rendererOptions } as const)
    : ({ renderer: 'simple', rendererOptions } as const)
  await new Listr([...tasks], { ...renderer, concurrent: false }).run()
}
