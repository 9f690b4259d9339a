/** Kubernetes' rules for names. Each gives what is wrong, or nothing. */

const labelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const qualifiedNamePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const maxLabelLength = 63
const maxSubdomainLength = 253

/** A name that is a part of a URL's path: metric names, kinds. */
export function pathSegmentErrors(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((mark) => name.includes(mark)).map((mark) => `may not contain '${mark}'`)
}

export function dnsLabelError(name: string): string | null {
  if (name.length > maxLabelLength) return `must be no more than ${maxLabelLength} bytes`
  if (labelPattern.test(name)) return null
  return "must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
}

export function dnsSubdomainError(name: string): string | null {
  if (name.length > maxSubdomainLength) return `must be no more than ${maxSubdomainLength} bytes`
  if (name.split('.').every((label) => labelPattern.test(label))) return null
  return "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
}

/** A resource of a container: one of Kubernetes' own, or DOMAIN/NAME. */
export function resourceNameError(name: string): string | null {
  if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-')) return null
  const [domain = '', local = '', ...rest] = name.split('/')
  const valid = rest.length === 0 && qualifiedNamePattern.test(local) && dnsSubdomainError(domain) === null
  return valid ? null : 'must be a standard resource type (cpu, memory, ephemeral-storage, hugepages-*) or fully qualified (DOMAIN/NAME)'
}
