/** Command-line options shared by `demo` and `record`. */
import { wholeNumber } from '@lab/host/arguments.ts'
import { InvalidArgumentError, Option } from 'commander'
import { embeddedTimeScale } from './find-lab.ts'

export const seedOption = () => new Option('--seed <n>', 'seed of the random choices').default(1).argParser(wholeNumber(0, 2 ** 32 - 1))

export const timeScaleOption = () =>
  new Option(
    '--time-scale <n>',
    `run the scaler's clock n times faster (default: ${embeddedTimeScale} on the embedded lab, unchanged on Compose)`,
  ).argParser(wholeNumber(1, 100))

export const valkeyOption = () =>
  new Option('--valkey <url>', 'let the embedded lab use this Valkey instead of its built-in store').argParser((text) => {
    if (URL.canParse(text)) return text
    throw new InvalidArgumentError('Allowed is an address such as valkey://127.0.0.1:6379.')
  })
