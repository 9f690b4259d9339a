/**
 * Defines the storyboard of a film or of a set of stills, and reads it from YAML. Every fault is reported in one line with its place and
 * what is allowed. Pure.
 */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { type Path, readYaml, type YamlDocument, YamlError } from '@lab/scaler/manifest/yaml.ts'
import { z } from 'zod'
import { conditionFault, isStoryFigure, storyFigureNames } from './story-figures.ts'

/** The kinds of views that a film can show, with the words that may follow each of them. */
export const viewKinds = {
  page: /^$/,
  charts: /^$/,
  client: /^$/,
  traefik: /^$/,
  terminal: /^$/,
  grafana: /^[a-z0-9-]+$/,
  diagram: /^[\w-]+\.svg( [\w-]+)*$/,
} as const
export type ViewKind = keyof typeof viewKinds
const viewWords = 'page, charts, client, traefik, terminal, grafana UID, diagram FILE.svg, diagram FILE.svg PART ...'

/** A view as the storyboard names it, for example `grafana lab-scaling`. */
export interface View {
  readonly kind: ViewKind
  /** The words after the kind. */
  readonly words: readonly string[]
}

/** Splits the name of a view into its kind and its words; undefined if there is no such view. */
export function viewOf(text: string): View | undefined {
  const [kind = '', ...words] = text.split(' ')
  if (!Object.hasOwn(viewKinds, kind)) return undefined
  return viewKinds[kind as ViewKind].test(words.join(' ')) ? { kind: kind as ViewKind, words } : undefined
}

const text = (maximum: number) =>
  z
    .string({ error: `allowed is text of 1 to ${maximum} characters` })
    .trim()
    .min(1, { error: `allowed is text of 1 to ${maximum} characters` })
    .max(maximum, { error: `allowed is text of 1 to ${maximum} characters` })
const whole = (from: number, to: number) => {
  const error = `allowed is a whole number from ${from} to ${to}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, { error: `allowed are ${values.join(', ')}` })
/** One value, or a list of alternatives, of which the first that is possible is used. */
const alternatives = <T extends z.ZodType>(one: T) =>
  z.preprocess(
    (given) => (Array.isArray(given) ? given : [given]),
    z.array(one).min(1, { error: 'allowed is one value, or a list of them' }),
  )

const view = z.string({ error: `allowed are ${viewWords}` }).refine((given) => viewOf(given) !== undefined, {
  error: ({ input }) => `there is no view ${JSON.stringify(input)}; allowed are ${viewWords}`,
})
const caption = text(200).superRefine((given, context) => {
  for (const [, name = ''] of given.matchAll(/\{([^}]*)\}/g))
    if (!isStoryFigure(name))
      context.addIssue({ code: 'custom', message: `there is no number {${name}}; allowed are ${storyFigureNames.join(', ')}` })
  if (/\d/.test(given.replaceAll(/\{[^}]*\}/g, '')))
    context.addIssue({ code: 'custom', message: 'a caption must not contain digits; allowed are {NAMES} of measured numbers' })
})
const condition = z
  .string({ error: 'allowed is a condition such as sockets >= wanted and replicas == desired' })
  .superRefine((given, context) => {
    const message = conditionFault(given)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
const stillName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*(\/[a-z0-9-]+)?$/, { error: 'allowed is a name such as under-load or dashboards/scaling' })

/** The schema of each kind of step, by the key that selects it. */
const stepSchemas = {
  show: z.strictObject({ show: alternatives(view) }),
  say: z.strictObject({ say: alternatives(caption) }),
  load: z.strictObject({ load: whole(0, 5000) }),
  until: z.strictObject({ until: condition, within: whole(1, 600).default(60) }),
  hold: z.strictObject({ hold: whole(1, 30) }),
  run: z.strictObject({
    run: z.string().regex(/^\.\/lab [a-z][\w ./=-]*$/, { error: 'allowed is a command that begins with ./lab' }),
    /** Only the lines of the output that contain one of these texts are shown. */
    lines: z.array(text(80)).min(1).max(12).optional(),
  }),
  fault: z.strictObject({ fault: oneOf(['drain', 'kill']), replica: oneOf(['fullest', 'emptiest']).default('fullest') }),
  rollout: z.strictObject({ rollout: oneOf(['start']) }),
  scaler: z.strictObject({ scaler: oneOf(['pause', 'resume']) }),
  still: z.strictObject({ still: stillName }),
} as const
type StepKind = keyof typeof stepSchemas
const stepKinds = Object.keys(stepSchemas) as StepKind[]
/** One step, with its kind, which is the name of the step's first key. */
export type Step = { [K in StepKind]: { readonly kind: K } & z.output<(typeof stepSchemas)[K]> }[StepKind]

const step = z.unknown().transform((given, context): Step => {
  const keys = typeof given === 'object' && given !== null ? Object.keys(given) : []
  const kind = stepKinds.find((one) => keys.includes(one))
  const none = `this step has no action; allowed are ${stepKinds.join(', ')}`
  if (kind === undefined) {
    context.addIssue({ code: 'custom', message: none })
    return z.NEVER
  }
  const read = stepSchemas[kind].safeParse(given)
  if (read.success) return { kind, ...read.data } as Step
  for (const issue of read.error.issues)
    context.addIssue({
      code: 'custom',
      message: messageOf(issue, stepSchemas[kind]),
      path: issue.path,
      params: { keys: 'keys' in issue ? issue.keys : [] },
    })
  return z.NEVER
})

const chapter = z.strictObject({
  title: text(40),
  steps: z
    .array(step, { error: 'allowed is a list of steps' })
    .min(1, { error: 'allowed is a list of steps' })
    .max(40, { error: 'allowed are at most 40 steps' }),
})
const card = z.strictObject({
  title: text(60),
  lines: z.array(text(80), { error: 'allowed is a list of lines' }).max(6, { error: 'allowed are at most 6 lines' }),
})
const storyboard = z.strictObject({
  title: text(80),
  /** The first and the last card of the film; stills need none. */
  opening: card.optional(),
  ending: card.optional(),
  chapters: z
    .array(chapter, { error: 'allowed is a list of chapters' })
    .min(1, { error: 'allowed is a list of chapters' })
    .max(20, { error: 'allowed are at most 20 chapters' }),
})
export type Storyboard = z.output<typeof storyboard>

type Issue = z.core.$ZodIssue

/** Describes an issue in a complete sentence; unknown keys get the list of the known ones. */
function messageOf(issue: Issue, schema: z.ZodObject): string {
  if (issue.code === 'unrecognized_keys')
    return `${issue.keys.join(', ')} is not a key here; allowed are ${Object.keys(schema.shape).join(', ')}`
  return issue.message
}

/**
 * Reads a storyboard from YAML.
 * @param file name to show in the error messages
 */
export function readStoryboard(yaml: string, file: string): Result<Storyboard> {
  const lineOf = (offset: number) => yaml.slice(0, offset).split('\n').length
  let documents: YamlDocument[]
  try {
    documents = readYaml(yaml)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    return failure(`${file}:${lineOf(error.offset)}: ${error.message}`)
  }
  const [document, second] = documents
  if (document === undefined) return failure(`${file}:1: the file is empty; allowed are title, opening, ending, chapters`)
  if (second !== undefined)
    return failure(`${file}:${lineOf(second.offsetOf([]))}: a second document; allowed is one storyboard in each file`)
  const read = storyboard.safeParse(document.value)
  if (read.success) return success(read.data)
  const faults = read.error.issues.map((issue) => {
    const path = issue.path as Path
    const unknown = 'keys' in issue ? issue.keys : issue.code === 'custom' ? (issue.params?.keys as string[] | undefined) : undefined
    const offset = unknown?.[0] === undefined ? document.offsetOf(path) : document.offsetOf([...path, unknown[0]], 'key')
    const parent = path.length === 0 ? storyboard : path.length === 2 && path[0] === 'chapters' ? chapter : card
    return `${file}:${lineOf(offset)}: ${pathText(path)}${messageOf(issue, parent)}`
  })
  return failure(...faults)
}

const pathText = (path: Path) => {
  const words = path.map((part, index) => (typeof part === 'number' ? `[${part + 1}]` : index === 0 ? part : `.${part}`)).join('')
  return words === '' ? '' : `${words}: `
}

/** All stills of a storyboard, in order. */
export const stillsOf = ({ chapters }: Storyboard): string[] =>
  chapters.flatMap(({ steps }) => steps.flatMap((one) => (one.kind === 'still' ? [one.still] : [])))

/** All lists of alternative views of a storyboard, in order. */
export const shownIn = ({ chapters }: Storyboard): string[][] =>
  chapters.flatMap(({ steps }) => steps.flatMap((one) => (one.kind === 'show' ? [one.show] : [])))
