/**
 * Writes flowcharts as Mermaid text. The generated text uses only a small part of the Mermaid language, and always quotes labels, so that
 * labels cannot contain Mermaid syntax. Pure.
 */

export type Shape = 'box' | 'round' | 'store' | 'hexagon'

export interface Node {
  id: string
  /** Text of the node's label, one element per line. */
  lines: readonly string[]
  shape?: Shape
}

export interface Group {
  id: string
  label: string
  nodes: readonly Node[]
}

export interface Edge {
  from: string
  to: string
  /** Text of the edge's label, one element per line. */
  lines?: readonly string[]
  /** A `line` has no direction; a `dotted` arrow stands for control flow or an occasional call. */
  kind?: 'arrow' | 'line' | 'dotted'
}

export interface Flowchart {
  direction: 'LR' | 'TB'
  groups?: readonly Group[]
  nodes?: readonly Node[]
  edges: readonly Edge[]
}

const shapes: Record<Shape, readonly [string, string]> = {
  box: ['[', ']'],
  round: ['([', '])'],
  store: ['[(', ')]'],
  hexagon: ['{{', '}}'],
}
const arrows = { arrow: '-->', line: '---', dotted: '-.->' } as const

/** Returns the Mermaid text without the code fence. */
export function flowchartText({ direction, groups = [], nodes = [], edges }: Flowchart): string {
  return [
    `flowchart ${direction}`,
    ...groups.flatMap(({ id, label, nodes }) => [
      `  subgraph ${id} [${quoted([label])}]`,
      ...nodes.map((node) => `    ${nodeText(node)}`),
      '  end',
    ]),
    ...nodes.map((node) => `  ${nodeText(node)}`),
    ...edges.map(edgeText),
  ].join('\n')
}

function nodeText({ id, lines, shape = 'box' }: Node): string {
  const [open, close] = shapes[shape]
  return `${id}${open}${quoted(lines)}${close}`
}

function edgeText({ from, to, lines = [], kind = 'arrow' }: Edge): string {
  return `  ${from} ${arrows[kind]}${lines.length === 0 ? '' : `|${quoted(lines)}|`} ${to}`
}

/** Quotes a label and escapes number signs, quotation marks and angle brackets, which have a special meaning in Mermaid labels. */
function quoted(lines: readonly string[]): string {
  const entities: Record<string, string> = { '#': '#35;', '"': '#quot;', '<': '#lt;', '>': '#gt;' }
  return `"${lines.map((line) => line.replaceAll(/[#"<>]/g, (sign) => entities[sign] ?? sign)).join('<br>')}"`
}
