/** Options that scenes and their film take alike. */
import { InvalidArgumentError, Option } from 'commander'
import { wholeNumber } from '../cli/src/commands/options.ts'

/** Waits for the scaler's windows are short with it, and still to be seen. */
export const embeddedTimeScale = 5

export const seedOption = () =>
  new Option('--seed <n>', 'what is picked by chance is picked by it').default(1).argParser(wholeNumber(0, 2 ** 32 - 1))

export const timeScaleOption = () =>
  new Option('--time-scale <n>', `compress time for the scaler (default: ${embeddedTimeScale} embedded, as it runs on Compose)`).argParser(
    wholeNumber(1, 100),
  )

/** Reads an address. @param example one, for who gives something else */
export function address(example: string): (text: string) => string {
  return (text) => {
    if (URL.canParse(text)) return text
    throw new InvalidArgumentError(`Allowed is an address, as in ${example}.`)
  }
}
