/** Parsers for command-line arguments and options. */
import { InvalidArgumentError } from 'commander'

/** Returns a commander parser that accepts whole numbers within the given bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Allowed is a whole number from ${min} to ${max}.`)
  }
}

/** Returns a commander parser that accepts decimal numbers within the given bounds. */
export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Allowed is a number from ${min} to ${max}.`)
  }
}

/** Returns a commander parser that accepts the address of an HTTP server. */
export function httpAddress(example: string): (text: string) => string {
  return (text) => {
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
    throw new InvalidArgumentError(`Allowed is an address as in ${example}.`)
  }
}

/** Commander parser for a WebSocket URL without a path. */
export function entryAddress(text: string): string {
  if (/^wss?:\/\/[A-Za-z0-9.[\]:-]+$/.test(text)) return text
  throw new InvalidArgumentError('Allowed is ws://HOST:PORT or wss://HOST:PORT.')
}

/**
 * Rewrites commander's usage errors in plain language and removes their `error:` prefix. Messages that list one file error per line are
 * left unchanged.
 */
export function plainError(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replace(/\n\(Did/, ' (Did')
    .replace(/^command-argument value '(.*)' is invalid for argument '(.*?)'\. A/s, '$2 $1: a')
    .replace(
      /^option '(?:-\w, )?(--[\w-]+)[^']*' (?:argument|value) '(.*)' (?:from env '(\w+)' )?is invalid(?: for .*?)?\. A/s,
      (_all, option, value, variable) => (variable === undefined ? `${option} ${value}: a` : `${variable}=${value}: a`),
    )
}

/** Prints a value as indented JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Formats the examples that follow a command's help text. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`
}
