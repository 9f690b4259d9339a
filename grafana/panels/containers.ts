/** Panels about the resource usage of every container of the lab, as Docker reports it. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { replicaLabel } from '@lab/contract/metrics.ts'
import { severityColors } from '../lib/colors.ts'
import { fixedColor, type GraphBuilder, graph } from '../lib/panels.ts'
import { containers } from '../lib/scopes.ts'
import { half, perReplica } from '../lib/styles.ts'

const { select, perSecond } = containers
/** The scrape interval of the job `cadvisor` in prometheus/prometheus.yml. */
const interval = '15s'

/** Returns a panel with one series per container. `expr` must aggregate by the label `replica`. */
function perContainer(title: string, description: string, unit: string, expr: string): Panel {
  return graph(
    {
      title,
      description,
      unit,
      noValue: 'Only the lab on Compose has these values; the first ones arrive about 30 s after its start.',
      width: half,
    },
    [{ expr, legend: perReplica, interval }],
    byName,
  )
}

/** Gives a container the same colour in every panel. */
function byName(panel: GraphBuilder): void {
  panel.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
}

const sum = (expr: string) => `sum by (${replicaLabel}) (${expr})`

/** Shows the CPU usage of each container. */
export function containerCpu(): Panel {
  return perContainer(
    'Container CPU',
    'Which container keeps the processor busy? CPU usage of each container; 100 % is one core. The usage of a replica includes its health checks, which run in its container.',
    units.PercentUnit,
    sum(perSecond(containerMetrics.cpuUsage.name)),
  )
}

/** Shows the memory usage of each container. */
export function containerMemory(): Panel {
  return perContainer(
    'Container memory',
    'Which container needs how much memory? Working set of each container, which is its memory usage minus the inactive file cache. docker stats and Kubernetes show the same value.',
    units.BytesIEC,
    sum(select(containerMetrics.memoryWorkingSet.name)),
  )
}

/** Shows how much of the time each container is throttled. */
export function throttling(): Panel {
  return perContainer(
    'CPU throttling',
    'Does a CPU limit slow a container down? Seconds per second during which the kernel made the threads of a container wait because of its CPU limit. A container with several waiting threads can exceed 100 %.',
    units.PercentUnit,
    sum(perSecond(containerMetrics.cpuThrottled.name)),
  )
}

/** Shows each container's memory usage as a percentage of its limit. */
export function memoryOfLimit(): Panel {
  const [used, limit] = [containerMetrics.memoryWorkingSet, containerMetrics.memoryLimit].map(({ name }) => sum(select(name)))
  return perContainer(
    'Memory of the limit',
    'Is a container about to run out of memory? Working set of each container as a percentage of its memory limit. At 100 %, the kernel kills a process in the container.',
    units.PercentUnit,
    `${used} / ${limit}`,
  )
}

/** Shows the bytes that each container receives per second. */
export function networkReceived(): Panel {
  return perContainer(
    'Network received',
    'Which container receives how much data? Bytes per second received by each container, on all of its networks.',
    units.BytesPerSecondIEC,
    sum(perSecond(containerMetrics.networkReceived.name)),
  )
}

/** Shows the bytes that each container sends per second. */
export function networkSent(): Panel {
  return perContainer(
    'Network sent',
    'Which container sends how much data? Bytes per second sent by each container, on all of its networks.',
    units.BytesPerSecondIEC,
    sum(perSecond(containerMetrics.networkTransmitted.name)),
  )
}

/** Shows the bytes that each container reads from disks per second. */
export function diskRead(): Panel {
  return perContainer(
    'Disk reads',
    'Which container reads from the disk? Bytes per second read from disks by each container. Reads from the page cache do not count. On some machines Docker counts no disk operations, and every value is 0.',
    units.BytesPerSecondIEC,
    sum(perSecond(containerMetrics.diskRead.name)),
  )
}

/** Shows the bytes that each container writes to disks per second. */
export function diskWritten(): Panel {
  return perContainer(
    'Disk writes',
    'Which container writes to the disk? Bytes per second written to disks by each container. On some machines Docker counts no disk operations, and every value is 0.',
    units.BytesPerSecondIEC,
    sum(perSecond(containerMetrics.diskWritten.name)),
  )
}

/** Shows whether Docker's statistics can be read. */
export function containerReadings(): Panel {
  return graph(
    {
      title: 'Readings of containers',
      description:
        "Are the values on this page complete? Requests per second to Docker for statistics, by result, and 1 if Docker refused or did not answer a request in the last reading. A container is gone if it ended while its statistics were read. The reason for a failed reading is in the log of the container 'live'.",
      unit: units.RequestsPerSecond,
      noValue: 'Only the lab on Compose reads the statistics of containers.',
      width: 24,
    },
    [
      { expr: `sum by (result) (${perSecond(containerMetrics.readings.name)})`, legend: '{{result}}', interval },
      { expr: `max(${select(containerMetrics.scrapeError.name)})`, legend: 'last reading has failed', interval },
    ],
    (panel) => panel.overrideByName('last reading has failed', [fixedColor(severityColors.critical)]),
  )
}
