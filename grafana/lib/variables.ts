/** Creates the variables at the top of a dashboard. */
import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { grafana } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { selectedDatasource } from './panels.ts'

/**
 * Returns the variables that query selectors use: data source, job and instance. The first two are hidden, because they have only one value.
 */
export function commonVariables(): VariableModel[] {
  const datasource = new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .current({ selected: true, text: 'Prometheus', value: grafana.datasourceUid })
    .build()
  const source = metrics.connectionsActive.name
  return [
    hidden(only(datasource, ['current', 'hide', 'label', 'name', 'query', 'regex', 'type'])),
    hidden(labelVariable('job', 'Job', `label_values(${source}, job)`)),
    labelVariable('instance', 'Instance', `label_values(${source}{job=~"$job"}, instance)`),
  ]
}

/** Returns a dashboard variable for a number that the viewer may change. */
export function numberVariable(name: string, label: string, value: number): VariableModel {
  const text = String(value)
  const variable = new TextBoxVariableBuilder(name).label(label).defaultValue(text).current({ selected: true, text, value: text }).build()
  return only(variable, ['current', 'hide', 'label', 'name', 'query', 'type'])
}

function labelVariable(name: string, label: string, query: string): VariableModel {
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource(selectedDatasource)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: 'All', value: '$__all' })
    .build()
  const keys = ['allValue', 'current', 'datasource', 'definition', 'hide', 'includeAll', 'label', 'multi', 'name', 'query', 'refresh']
  return only(variable, [...keys, 'regex', 'sort', 'type'])
}

/** Hides a variable on the page; links can still set it. */
export function hidden(variable: VariableModel): VariableModel {
  return { ...variable, hide: VariableHide.HideVariable }
}

/** Removes the keys that the SDK writes into a variable even though they belong to other kinds of variables. */
export function only(variable: VariableModel, keys: string[]): VariableModel {
  return Object.fromEntries(Object.entries(variable).filter(([key]) => keys.includes(key))) as unknown as VariableModel
}
