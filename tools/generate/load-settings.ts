/**
 * Generates table rows for the settings of the k6 load. The settings' names and allowed values are taken from the function that parses the
 * settings.
 */

import { code } from '@lab/host/markdown.ts'
import { readSettings, type Settings } from '@lab/k6/lib/settings.ts'

/** The meaning of each setting, and its default if that cannot be derived from the settings. */
const descriptions: Record<string, { help: string; without?: string }> = {
  SCENARIO: { help: 'Name of the load scenario.' },
  SHORT: { help: 'If the value is 1, k6 runs a short version of the scenario.', without: '`0`' },
  TARGET: {
    help: 'Address that k6 connects to. With Compose, this address is `http://traefik:8001`, the entry point without a rate limit.',
  },
  SOCKETS: { help: 'Maximum number of sockets.', without: "the scenario's" },
  SOCKETS_PER_VU: { help: 'Number of sockets that each virtual user opens.', without: "the scenario's" },
  DURATION: {
    help: "Duration of the run in seconds. The scenario's load curve is scaled to this duration.",
    without: "the scenario's",
  },
  SEED: { help: 'Seed of the random number generator; runs with the same seed make the same random choices.', without: 'random' },
  CONTROL: {
    help: "Address of the live page's server, which k6 asks every two seconds whether `./lab load` or the live page has changed the number of sockets. With Compose, this address is `http://live:8090`. If the value is empty, a run cannot be changed.",
    without: 'none',
  },
  READY_SECONDS: { help: 'How many seconds k6 waits for the lab to become ready before it starts the load.' },
  LAB_PROJECT: {
    help: "The lab's Compose project, which is part of the summary's file name: k6-PROJECT-SCENARIO.json.",
    without: '`lab`',
  },
  REPORTS_DIR: { help: 'Folder inside the k6 container to which the summary is written.' },
}

/** Returns a table row for each load setting: name, default, allowed values and meaning. */
export function loadSettingRows(): string[][] {
  return namesRead().map((name) => {
    const { help, without } = descriptions[name] ?? missing(name)
    return [code(name), without ?? code(defaultOf(name)), allowed(name), help]
  })
}

function namesRead(): string[] {
  const names = new Set<string>()
  readSettings(new Proxy({}, { get: (_, name) => void names.add(String(name)) }), 0)
  return [...names]
}

/** Returns a setting's allowed values, taken from the error message for an invalid value. */
function allowed(name: string): string {
  const read = readSettings({ [name]: '?' }, 0)
  const [problem = ''] = read.ok ? [] : read.problems
  return /; allowed: (.*)$/.exec(problem)?.[1] ?? 'text'
}

function defaultOf(name: string): string {
  const read = readSettings({}, 0)
  const key = name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  return read.ok ? String(read.value[key as keyof Settings]) : ''
}

function missing(name: string): never {
  throw new Error(`tools/generate/load-settings.ts has no description of ${name}`)
}
