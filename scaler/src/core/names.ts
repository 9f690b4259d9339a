/**
 * Implements Kubernetes' naming rules, with the same error messages. Each function returns a list of errors, which is empty for a valid
 * name.
 */

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`
const keyFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const valueFormat = `(${keyFormat})?`
const maxLabelLength = 63
const maxSubdomainLength = 253
const ends = 'and must start and end with an alphanumeric character'
const keyCharacters = `must consist of alphanumeric characters, '-', '_' or '.', ${ends}`
const keyExamples = ['MyName', 'my.name', '123-abc']

function fits(format: string, text: string): boolean {
  return new RegExp(`^${format}$`).test(text)
}

function formatError(rule: string, format: string, examples: readonly string[]): string {
  return `${rule} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${format}')`
}

/** Unit of a maximum length in error messages; two Kubernetes packages use different units for the same rule. */
type Unit = 'bytes' | 'characters'

function lengthErrors(text: string, most: number, unit: Unit): string[] {
  return byteLength(text) > most ? [`must be no more than ${most} ${unit}`] : []
}

/** Checks a name that forms a segment of a URL path, such as the name of a metric or a kind. */
export function pathSegmentErrors(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((mark) => name.includes(mark)).map((mark) => `may not contain '${mark}'`)
}

export function dnsLabelErrors(name: string): string[] {
  const errors = lengthErrors(name, maxLabelLength, 'characters')
  if (fits(labelFormat, name)) return errors
  if (fits(subdomainFormat, name)) return [...errors, 'must not contain dots']
  const rule = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${ends}`
  return [...errors, formatError(rule, labelFormat, ['my-name', '123-abc'])]
}

export function dnsSubdomainErrors(name: string, unit: Unit = 'characters'): string[] {
  const errors = lengthErrors(name, maxSubdomainLength, unit)
  if (fits(subdomainFormat, name)) return errors
  const rule = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${ends}`
  return [...errors, formatError(rule, subdomainFormat, ['example.com'])]
}

/** Checks a label key, an annotation key or a finalizer name, in the form NAME or DOMAIN/NAME. */
export function qualifiedNameErrors(key: string): string[] {
  const parts = key.split('/')
  const name = parts.at(-1) ?? ''
  const prefix = parts.length === 2 ? parts[0] : undefined
  if (parts.length > 2) {
    const rule = formatError(keyCharacters, keyFormat, keyExamples)
    return [`a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  const prefixErrors = prefix === undefined ? [] : prefix === '' ? ['must be non-empty'] : dnsSubdomainErrors(prefix, 'bytes')
  return [
    ...prefixErrors.map((error) => `prefix part ${error}`),
    ...(name === '' ? ['name part must be non-empty'] : lengthErrors(name, maxLabelLength, 'bytes').map((error) => `name part ${error}`)),
    ...(fits(keyFormat, name) ? [] : [`name part ${formatError(keyCharacters, keyFormat, keyExamples)}`]),
  ]
}

export function labelValueErrors(value: string): string[] {
  const errors = lengthErrors(value, maxLabelLength, 'bytes')
  if (fits(valueFormat, value)) return errors
  const rule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${ends}`
  return [...errors, formatError(rule, valueFormat, ['MyValue', 'my_value', '12345'])]
}

const containerResources = ['cpu', 'memory', 'ephemeral-storage']
const otherResources = [
  ...containerResources.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]

/** Checks that a name denotes a container resource: either a standard Kubernetes resource, or a name of the form DOMAIN/NAME. */
export function containerResourceErrors(name: string): string[] {
  if (name.includes('/')) {
    const isNative = name.includes('kubernetes.io/')
    const isExtended = !name.startsWith('requests.') && qualifiedNameErrors(`requests.${name}`).length === 0
    return isNative || isExtended ? [] : ["doesn't follow extended resource name standard"]
  }
  if (containerResources.includes(name) || name.startsWith('hugepages-')) return []
  const isKnown = otherResources.includes(name) || name.startsWith('requests.hugepages-') || qualifiedNameErrors(name).length > 0
  return [...(isKnown ? [] : ['must be a standard resource type or fully qualified']), 'must be a standard resource for containers']
}

/** Returns the length of a string in UTF-8, in Node and in browsers. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
