/**
 * Flowcharts as Mermaid text. A small part of the language, and always the quoted form of labels, so that no text of ours
 * can mean something to it. Pure.
 */

export type Shape = 'box' | 'round' | 'store' | 'hexagon'

export interface Node {
  id: string
  /** Lines of its label. */
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
  /** Lines of its label. */
  lines?: readonly string[]
  /** `line` has no direction, `dotted` is control or comes now and then. */
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

/** The text between the fences. */
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

/** A number sign begins an entity, and angle brackets a tag. */
function quoted(lines: readonly string[]): string {
  const entities: Record<string, string> = { '#': '#35;', '"': '#quot;', '<': '#lt;', '>': '#gt;' }
  return `"${lines.map((line) => line.replaceAll(/[#"<>]/g, (sign) => entities[sign] ?? sign)).join('<br>')}"`
}
