/** The settings of k6's load, as rows of a table. Which there are, and what is allowed, is asked of the function that reads them. */
import { readSettings, type Settings } from '../../k6/lib/settings.ts'
import { code } from './markdown.ts'

/** Its meaning, and its default where the settings without a variable would not show it. */
const words: Record<string, { help: string; without?: string }> = {
  SCENARIO: { help: 'Which load.' },
  SHORT: { help: '1 runs a short version of the scenario.', without: '`0`' },
  TARGET: { help: "The lab's entry. Under Compose it is `http://traefik:8001`, the entry that is never rate limited." },
  SOCKETS: { help: 'Sockets at the most.', without: "the scenario's" },
  SOCKETS_PER_VU: { help: 'Sockets of one virtual user.', without: "the scenario's" },
  DURATION: { help: "How long it takes, in seconds; the scenario's curve is stretched to it.", without: "the scenario's" },
  SEED: { help: "Repeats a run's random choices.", without: 'another each time' },
  READY_SECONDS: { help: 'How long to wait for the lab before the load begins.' },
  REPORTS_DIR: { help: 'Folder for the summary, inside the container.' },
  CLIENTS: { help: 'Scenario storm: how clients come back.' },
  VICTIM: { help: 'Scenario storm: the replica that all sockets go to.', without: 'any' },
}

/** A row for each: name, default, what is allowed, meaning. */
export function loadSettingRows(): string[][] {
  return namesRead().map((name) => {
    const { help, without } = words[name] ?? missing(name)
    return [code(name), without ?? code(defaultOf(name)), allowed(name), help]
  })
}

function namesRead(): string[] {
  const names = new Set<string>()
  readSettings(new Proxy({}, { get: (_, name) => void names.add(String(name)) }), 0)
  return [...names]
}

/** In the words of whoever refuses it. */
function allowed(name: string): string {
  const read = readSettings({ [name]: '?' }, 0)
  const [problem = ''] = read.ok ? [] : read.problems
  return /; allowed: (.*)$/.exec(problem)?.[1] ?? 'text'
}

function defaultOf(name: string): string {
  const read = readSettings({}, 0)
  const key = name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  return read.ok ? String(read.settings[key as keyof Settings]) : ''
}

function missing(name: string): never {
  throw new Error(`scripts/generate/load-settings.ts has no words for ${name}`)
}
