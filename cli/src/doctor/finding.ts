/** One thing that doctor has to say. */

export type Level = 'fine' | 'warning' | 'blocked'

/** What was looked at, in the order in which it is shown. */
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

/** Every finding that is not fine, by the name under which scripts and tests know it, and what it means. */
export const findingNames = {
  'docker-missing': 'there is no docker command',
  'engine-denied': "this user may not use Docker's socket",
  'engine-not-running': 'the engine does not run, or not where the context says',
  'engine-silent': 'the engine does not answer',
  'engine-refused': 'the engine answers with an error',
  'engine-old': 'Docker Engine is older than 28, whose isolated networks the lab uses',
  'engine-too-new': 'the engine has dropped API versions that parts of the lab may speak',
  'compose-missing': 'there is no Compose plugin',
  'compose-old': 'Docker Compose is older than 2.30',
  'configuration-invalid': 'compose.yaml and .env together make no lab',
  'engine-remote': 'the engine is on another machine, where neither the ports nor the files are',
  'engine-rootless': "the engine is rootless: its socket is not where the lab's proxy looks",
  'windows-containers': 'the engine runs Windows containers',
  'architecture-unknown': 'the images exist for amd64 and arm64 only',
  'architecture-emulated': 'DOCKER_DEFAULT_PLATFORM asks for emulation',
  'memory-short': 'the engine has less than 2 GiB of memory',
  'memory-tight': 'the engine has less than 4 GiB of memory',
  'cores-few': 'the engine has one core',
  'disk-short': 'less than 1 GiB of disk is free',
  'disk-tight': 'less than 5 GiB of disk are free',
  'clock-off': "the engine's clock is not ours",
  'port-taken': 'somebody else has a port of the lab',
  'port-denied': 'this user may not open a port of the lab',
  'port-twice': 'two variables name the same port',
  'containers-elsewhere': 'another checkout has a lab under this project name',
  'containers-stopped': 'stopped containers of the lab are left',
  'images-missing': 'images are not here yet',
  'line-endings': 'files have carriage returns',
  'proxy-local': 'a proxy is set, and not told to leave this machine alone',
} as const

export type FindingName = keyof typeof findingNames

export interface Finding {
  subject: Subject
  level: Level
  /** Undefined where all is well. */
  name?: FindingName
  text: string
  /** What to do, or type. */
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
