/** Defines a finding of the `doctor` command: a subject, a level, a name, a description and advice. */

export type Level = 'fine' | 'warning' | 'blocked'

/** The subjects that the `doctor` command checks, in output order. */
export const subjects = [
  'engine',
  'compose',
  'configuration',
  'context',
  'architecture',
  'memory',
  'cores',
  'disk',
  'clock',
  'ports',
  'containers',
  'images',
  'line endings',
  'proxy',
] as const

export type Subject = (typeof subjects)[number]

/** The stable names and meanings of all findings that report a problem. */
export const findingNames = {
  'docker-missing': 'the docker command is not installed',
  'engine-denied': "this user may not use Docker's socket",
  'engine-not-running': 'the engine is not running, or does not listen on the address in the docker context',
  'engine-silent': 'the engine does not respond in time',
  'engine-refused': 'the engine responds with an error',
  'engine-old': 'Docker Engine is older than 28, whose isolated networks the lab uses',
  'engine-too-new': 'the engine no longer supports API versions that parts of the lab may use',
  'compose-missing': 'the Compose plugin is not installed',
  'compose-old': 'Docker Compose is older than 2.30',
  'configuration-invalid': 'compose.yaml or .env is invalid',
  'setting-refused': 'a service would not start because of an invalid setting',
  'engine-remote': "the engine runs on another machine, so the lab's ports and files are not on this machine",
  'engine-rootless': "the engine is rootless, and its socket is not at the path that the lab's proxy uses",
  'windows-containers': 'the engine runs Windows containers',
  'architecture-unknown': 'the images are available only for amd64 and arm64',
  'architecture-emulated': 'DOCKER_DEFAULT_PLATFORM makes the engine emulate another architecture',
  'memory-short': 'the engine has less than 2 GiB of memory',
  'memory-tight': 'the engine has less than 4 GiB of memory',
  'cores-few': 'the engine has only one CPU core',
  'disk-short': 'less than 1 GiB of disk space is free',
  'disk-tight': 'less than 5 GiB of disk space is free',
  'clock-off': "the engine's clock differs from this machine's clock",
  'port-taken': "another program uses one of the lab's ports",
  'port-denied': "this user may not open one of the lab's ports",
  'port-zero': "one of the lab's ports is set to 0, so its address would be unknown",
  'port-twice': 'two variables set the same port',
  'containers-elsewhere': 'a lab from another checkout is running with this project name',
  'containers-stopped': 'the lab has stopped containers',
  'replicas-outdated': 'a plain docker compose up would replace all running replicas at once',
  'replicas-unchecked': 'the check for outdated replicas failed',
  'images-missing': "some of the lab's images are not on this machine yet",
  'line-endings': 'text files in the checkout contain carriage returns',
  'proxy-local': 'an HTTP proxy is configured without an exception for this machine',
} as const

export type FindingName = keyof typeof findingNames

export interface Finding {
  subject: Subject
  level: Level
  /** Stable name of the finding; undefined if its level is `fine`. */
  name?: FindingName
  text: string
  /** The remedy. */
  advice?: string
}

export const fine = (subject: Subject, text: string): Finding => ({ subject, level: 'fine', text })

export const warning = (subject: Subject, name: FindingName, text: string, advice: string): Finding => ({
  subject,
  level: 'warning',
  name,
  text,
  advice,
})

export const blocked = (subject: Subject, name: FindingName, text: string, advice: string): Finding => ({
  subject,
  level: 'blocked',
  name,
  text,
  advice,
})
