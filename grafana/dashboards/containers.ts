/** The Containers dashboard shows the resource usage of every container of the lab, as Docker reports it. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { pages } from '../lib/pages.ts'
import {
  containerCpu,
  containerMemory,
  containerReadings,
  diskRead,
  diskWritten,
  memoryOfLimit,
  networkReceived,
  networkSent,
  throttling,
} from '../panels/containers.ts'
import { labPage } from './lab-page.ts'

/** Builds a new copy of the Containers dashboard on every call. */
export function containers(): Dashboard {
  const rows = [
    {
      title: 'CPU and memory',
      lines: [
        [containerCpu(), containerMemory()],
        [throttling(), memoryOfLimit()],
      ],
    },
    { title: 'Network', lines: [[networkReceived(), networkSent()]] },
    { title: 'Disk', lines: [[diskRead(), diskWritten()]] },
    { title: 'The readings themselves', lines: [[containerReadings()]] },
  ]
  return labPage(pages.containers, rows)
}
