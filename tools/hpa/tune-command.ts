/** Implements `./lab hpa tune`. */
import { examples, printJson, wholeNumber } from '@lab/host/arguments.ts'
import { addRecordedLoadOptions, type RecordedLoadOptions } from '@lab/scaler/commands/recorded-load.ts'
import { type Command, Option } from 'commander'
import { allSettings, tune, tuneText } from './core/tune.ts'
import { accepted } from './lint-command.ts'
import { playedLoad } from './test-command.ts'

interface Flags extends RecordedLoadOptions {
  from?: string
  tries: number
  seed: number
  output?: 'json'
}

/** Adds the `tune` command. */
export function registerTune(hpa: Command): void {
  const command = hpa
    .command('tune')
    .description('search for targets and windows under a load, and show the front between replica-seconds, time above target and changes')
    .argument('<file>', 'YAML file with a HorizontalPodAutoscaler, or a ScaledObject of KEDA')
    .argument('[load]', 'YAML file with a load, as for test')
    .option('--from <source>', 'use the load of a decision log, or of prometheus')
    .addOption(
      new Option('--tries <n>', `number of candidates; ${allSettings.length} are all`)
        .argParser(wholeNumber(1, allSettings.length))
        .default(300),
    )
    .addOption(new Option('--seed <n>', 'determines which candidates are tried').argParser(wholeNumber(0, 2 ** 32 - 1)).default(1))
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
  addRecordedLoadOptions(command)
    .addHelpText('after', '\nExit codes: 0 the search is complete, 2 a file is invalid or cannot be read.')
    .addHelpText(
      'after',
      examples(
        './lab hpa tune scaler/hpa.yaml tools/hpa/examples/lab.test.yaml',
        './lab hpa tune hpa.yaml --from decisions.jsonl --tries 1000',
      ),
    )
    .action(async (file: string, loadFile: string | undefined, { tries, seed, output, ...flags }: Flags, self: Command) => {
      if ((loadFile === undefined) === (flags.from === undefined)) {
        self.error('error: give a file with a load, or --from, but not both', { exitCode: 2 })
      }
      const { hpa: settings, load, activation } = accepted(await playedLoad(file, loadFile, flags, self), self)
      const tuned = tune(settings, load, { tries, seed }, activation)
      if (output === 'json') printJson({ file, seed, ...tuned })
      else process.stdout.write(tuneText(file, tuned))
    })
}
