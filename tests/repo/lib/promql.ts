/** Parses PromQL expressions with Prometheus' grammar, and returns their metrics and labels. */
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

/** The labels in a clause such as `by (…)` or `on (…)`, together with the metrics in the clause's operands. */
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
  /** The parts of the text that are not valid PromQL; empty if the text is valid. */
  errors: string[]
  selectors: Selector[]
  groupings: Grouping[]
  rates: Rate[]
}

/** Placeholder for a dashboard variable's value. */
export const variableValue = '__variable__'

/** Dashboard variables whose value is a number rather than a label value. */
const numberVariables = /\$(price)\b/g

/** Replaces Grafana variables with valid PromQL, because the PromQL parser would silently misread names that contain variables. */
export function withoutVariables(expr: string): string {
  return expr
    .replaceAll(numberVariables, '1')
    .replaceAll(/\$\{?__\w+\}?/g, '1m')
    .replaceAll(/\$\{?\w+(:\w+)?\}?/g, variableValue)
}

type Node = ReturnType<typeof parser.parse>['topNode']

/** @param expr PromQL, with or without Grafana variables */
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

/** Returns the aggregation or binary operation that a syntax node belongs to. */
function enclosing(node: Node): Node {
  let outer = node
  while (outer.parent && outer.name !== 'AggregateExpr' && outer.name !== 'BinaryExpr') outer = outer.parent
  return outer
}

function isLabelName({ name }: Node): boolean {
  return name === 'LabelName' || name === 'QuotedLabelName'
}

/** Returns a syntax node and all of its descendants, in order. */
function nodes(top: Node): Node[] {
  const out: Node[] = [top]
  for (let child = top.firstChild; child; child = child.nextSibling) out.push(...nodes(child))
  return out
}
