/**
 * Defines the metrics about the resource usage of all containers of the lab, which the live page's server reads from Docker. Names, labels
 * and values are those of cAdvisor, except that the label `replica` is added.
 */
import type { MetricSpec } from './metrics.ts'

/** The label that contains a container's Compose service; cAdvisor derives it from the label that Compose sets on the container. */
export const composeServiceLabel = 'container_label_com_docker_compose_service'

const container = ['name', 'image', composeServiceLabel, 'replica'] as const

export const containerMetrics = {
  cpuUsage: {
    kind: 'counter',
    name: 'container_cpu_usage_seconds_total',
    help: 'CPU time that the container has used, in seconds.',
    labels: container,
  },
  cpuThrottled: {
    kind: 'counter',
    name: 'container_cpu_cfs_throttled_seconds_total',
    help: 'Time during which the kernel made the container wait because of its CPU limit, in seconds, added up over its threads.',
    labels: container,
  },
  memoryWorkingSet: {
    kind: 'gauge',
    name: 'container_memory_working_set_bytes',
    help: 'Memory usage minus the inactive file cache, in bytes, which is the usage that docker stats shows.',
    labels: container,
  },
  memoryLimit: {
    kind: 'gauge',
    name: 'container_spec_memory_limit_bytes',
    help: "The container's memory limit, in bytes; without a limit, the memory of the machine.",
    labels: container,
  },
  networkReceived: {
    kind: 'counter',
    name: 'container_network_receive_bytes_total',
    help: 'Bytes received, by network interface.',
    labels: [...container, 'interface'],
  },
  networkTransmitted: {
    kind: 'counter',
    name: 'container_network_transmit_bytes_total',
    help: 'Bytes sent, by network interface.',
    labels: [...container, 'interface'],
  },
  diskRead: {
    kind: 'counter',
    name: 'container_fs_reads_bytes_total',
    help: 'Bytes read from disks. Reads from the page cache do not count.',
    labels: container,
  },
  diskWritten: {
    kind: 'counter',
    name: 'container_fs_writes_bytes_total',
    help: 'Bytes written to disks.',
    labels: container,
  },
  lastSeen: {
    kind: 'gauge',
    name: 'container_last_seen',
    help: 'Unix time at which Docker read these values.',
    labels: container,
  },
  scrapeError: {
    kind: 'gauge',
    name: 'container_scrape_error',
    help: '1 if Docker refused or did not answer a request in the last reading, 0 otherwise.',
    labels: [],
  },
  readings: {
    kind: 'counter',
    name: 'lab_container_readings_total',
    help: 'Requests to Docker for the list of containers and for the statistics of one container, by result (read, gone or failed).',
    labels: ['result'],
  },
} as const satisfies Record<string, MetricSpec>

export type ContainerMetricKey = keyof typeof containerMetrics

/** Values of the `result` label: a container is `gone` if it was removed or stopped after Docker had listed it. */
export const readingResults = ['read', 'gone', 'failed'] as const
export type ReadingResult = (typeof readingResults)[number]
