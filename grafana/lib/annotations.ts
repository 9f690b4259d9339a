/** Marks in time, drawn over every graph of a dashboard. */
import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard'
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { selectedDatasource } from './panels.ts'

/**
 * So long a mark that is the time of something stays to be found. Grafana looks every five seconds, or every pixel: in this
 * time, it looks at least once at a range of a day, on a screen that is 800 pixels wide.
 */
export const newForSeconds = 120

export interface Mark {
  name: string
  expr: string
  color: string
  text: string
  /** The values are the times, in milliseconds; otherwise a mark stands wherever there is a value above zero. */
  valueIsTime?: boolean
}

/** Grafana's own entry, which its editor adds to every dashboard, and those given. */
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
  return visible(entry)
}

function annotation({ name, expr, color, text, valueIsTime = false }: Mark): AnnotationQuery {
  const entry = new AnnotationQueryBuilder()
    .name(name)
    .datasource(selectedDatasource)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .step('5s')
    .titleFormat(text)
  if (valueIsTime) entry.useValueForTime(true)
  return visible(entry.build())
}

/** The SDK tucks the switch of each annotation away in a menu. */
function visible({ placement: _, ...entry }: AnnotationQuery): AnnotationQuery {
  return entry
}
