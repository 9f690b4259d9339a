/** What a PromQL expression asks for, by Prometheus's own grammar. */
import { parser } from '@prometheus-io/lezer-promql'

export interface Matcher {
  label: string
  /** `=`, `!=`, `=~` or `!~`. */
  operator: string
  value: string
}

export interface Selector {
  metric: string
  matchers: Matcher[]
}

/** Labels that an aggregation or a matching names, and the metrics they are taken from. */
export interface Grouping {
  labels: string[]
  metrics: string[]
}

export interface Rate {
  function: string
  window: string
  metrics: string[]
}

export interface Parsed {
  /** Parts of the text that are not PromQL; empty when all of it is. */
  errors: string[]
  selectors: Selector[]
  groupings: Grouping[]
  rates: Rate[]
}

/** Stands for the value of a dashboard's variable. */
export const variableValue = '__variable__'

/** Variables of dashboards that stand for a number, not for the value of a label. */
const numberVariables = /\$(price)\b/g

/** Replaces what only Grafana understands; otherwise names would be misread without a word. */
export function withoutVariables(expr: string): string {
  return expr
    .replaceAll(numberVariables, '1')
    .replaceAll(/\$\{?__\w+\}?/g, '1m')
    .replaceAll(/\$\{?\w+(:\w+)?\}?/g, variableValue)
}

type Node = ReturnType<typeof parser.parse>['topNode']

/** @param expr PromQL, with or without Grafana's variables */
export function parsePromql(expr: string): Parsed {
  const plain = withoutVariables(expr)
  const text = (node: Node) => plain.slice(node.from, node.to)
  const all = nodes(parser.parse(plain).topNode)
  const named = (name: string, within: Node[] = all) => within.filter((node) => node.name === name)
  const metricsIn = (node: Node) => named('VectorSelector', nodes(node)).map((selector) => readSelector(selector, text).metric)
  return {
    errors: all.filter((node) => node.type.isError).map((node) => plain.slice(Math.max(0, node.from - 10), node.to + 10)),
    selectors: named('VectorSelector').map((node) => readSelector(node, text)),
    groupings: named('GroupingLabels').map((node) => ({
      labels: nodes(node).filter(isLabelName).map(text),
      metrics: metricsIn(enclosing(node)),
    })),
    rates: named('FunctionCall').flatMap((node) => readRate(node, text, metricsIn)),
  }
}

function readSelector(node: Node, text: (node: Node) => string): Selector {
  const inner = nodes(node)
  const matchers = inner.filter(({ name }) => name.endsWith('LabelMatcher')).map((matcher) => readMatcher(matcher, text))
  const identifier = inner.find(({ name }) => name === 'Identifier')
  const byName = matchers.find(({ label }) => label === '__name__')?.value
  return { metric: identifier ? text(identifier) : (byName ?? ''), matchers }
}

function readMatcher(node: Node, text: (node: Node) => string): Matcher {
  const part = (name: string) => nodes(node).find((inner) => inner.name === name)
  const [label, operator, value] = [part('LabelName') ?? part('QuotedLabelName'), part('MatchOp'), part('StringLiteral')]
  return {
    label: label ? text(label) : '',
    operator: operator ? text(operator) : '',
    value: value ? text(value).slice(1, -1) : '',
  }
}

function readRate(node: Node, text: (node: Node) => string, metricsIn: (node: Node) => string[]): Rate[] {
  const name = text(node).replace(/\(.*/s, '').trim()
  const window = nodes(node).find((inner) => inner.name === 'MatrixSelector')
  const duration = window && nodes(window).find((inner) => inner.name === 'DurationExpr')
  return duration && ['rate', 'irate', 'increase'].includes(name)
    ? [{ function: name, window: text(duration), metrics: metricsIn(node) }]
    : []
}

/** The aggregation or operation whose labels these are. */
function enclosing(node: Node): Node {
  let outer = node
  while (outer.parent && outer.name !== 'AggregateExpr' && outer.name !== 'BinaryExpr') outer = outer.parent
  return outer
}

function isLabelName({ name }: Node): boolean {
  return name === 'LabelName' || name === 'QuotedLabelName'
}

/** A node and everything below it, in order. */
function nodes(top: Node): Node[] {
  const out: Node[] = [top]
  for (let child = top.firstChild; child; child = child.nextSibling) out.push(...nodes(child))
  return out
}
