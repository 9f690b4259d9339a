/** Command-line options shared by `record` and `stills`. */
import { join } from 'node:path'
import { localKinds } from '@lab/lab/lab.ts'
import { Option } from 'commander'
import { storyboardFolder } from './read-storyboard.ts'

export const onOption = () =>
  new Option('--on <lab>', 'kind of lab: a new embedded lab, or the running lab on Compose').choices(localKinds).default('embedded')

/** @param name file name of the storyboard that is used by default */
export const storyboardOption = (name: string) =>
  new Option('--storyboard <file>', 'the storyboard to play, a YAML file').default(join(storyboardFolder, name), `storyboards/${name}`)
