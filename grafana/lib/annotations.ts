/** Builds annotations, which Grafana draws over every graph of a dashboard. */
import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard'
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { selectedDatasource } from './panels.ts'

/**
 * The time in seconds for which an annotation query keeps returning an event. Grafana evaluates an annotation query every five seconds or
 * once per pixel, whichever interval is longer: about every 108 s if an 800-pixel panel shows one day.
 */
export const newForSeconds = 120

export interface Mark {
  name: string
  expr: string
  color: string
  /** Title of the annotation, in which `{{label}}` stands for the value of that label. */
  text: string
  /** Further text, which may contain links. */
  details?: string
  /** Whether the query's values are the timestamps to mark, in ms; by default, Grafana marks each time at which the value is above zero. */
  valueIsTime?: boolean
}

/** Returns the given annotations, together with the built-in annotation that Grafana's editor adds to every dashboard. */
export function annotations(marks: Mark[]): AnnotationQuery[] {
  return [builtIn(), ...marks.map(annotation)]
}

function builtIn(): AnnotationQuery {
  const entry = new AnnotationQueryBuilder()
    .name('Annotations & Alerts')
    .datasource({ type: 'grafana', uid: '-- Grafana --' })
    .builtIn(1)
    .type('dashboard')
    .enable(true)
    .hide(true)
    .iconColor('rgba(0, 211, 255, 1)')
    .build()
  return entry
}

/** The switches are in the dashboard's menu of controls, because a switch for each annotation would fill the first screen of a phone. */
function annotation({ name, expr, color, text, details, valueIsTime = false }: Mark): AnnotationQuery {
  const entry = new AnnotationQueryBuilder()
    .name(name)
    .datasource(selectedDatasource)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .step('5s')
    .titleFormat(text)
  if (details !== undefined) entry.textFormat(details)
  if (valueIsTime) entry.useValueForTime(true)
  return entry.build()
}
