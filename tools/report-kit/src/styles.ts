/** The report stylesheet, which supports light mode, dark mode, narrow screens and printing. */
export const styles = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #505862; --back: #fff; --card: #f4f6f8; --grid: #d5dae0; --link: #1a56b0;
  --good: #17663f; --bad: #a8201a; --area: #8a929c;
  --a: #1f5fbf; --b: #b3420b; --c: #19734a; --d: #8a2f86; --e: #7a5c00; --f: #006f7a }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --soft: #aab3bd; --back: #14171b; --card: #1d2228; --grid: #3a414a; --link: #8ab8ff;
  --good: #6fd3a0; --bad: #ff9088; --area: #8f98a3;
  --a: #7db2ff; --b: #ff9a62; --c: #6fd3a0; --d: #e59be0; --e: #e3c24d; --f: #58cfd9 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem; margin: 0 } h2 { margin: 2.5rem 0 0.5rem; font-size: 1.3rem } p { margin: 0.5rem 0; max-width: 48rem }
a { color: var(--link) } .soft { color: var(--soft) }
.verdict { font-size: 2.6rem; font-weight: 700; line-height: 1.2; margin: 0.5rem 0 }
.good { color: var(--good); font-weight: 600 } .bad { color: var(--bad); font-weight: 600 }
.figures { list-style: none; padding: 0; margin: 1rem 0; display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)) }
.figures li { background: var(--card); border-radius: 0.5rem; padding: 0.75rem } .figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 } figcaption { color: var(--soft); max-width: 48rem }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--text); font: 12px system-ui, sans-serif }
.grid { stroke: var(--grid) } .line { fill: none; stroke-width: 2.5 } .a { stroke: var(--a) } .b { stroke: var(--b); stroke-dasharray: 7 4 } .c { stroke: var(--c); stroke-dasharray: 2 3 }
.d { stroke: var(--d); stroke-dasharray: 12 3 2 3 } .e { stroke: var(--e); stroke-dasharray: 5 5 } .f { stroke: var(--f); stroke-dasharray: 1 5 }
.area { fill: var(--area); opacity: 0.25 }
.fill-a { fill: var(--a) } .fill-b { fill: var(--b) } .mark { stroke: var(--d); stroke-dasharray: 2 3 } .limit { stroke: var(--bad); stroke-width: 2 }
.scroll { overflow-x: auto; margin: 0.75rem 0 } .scroll:focus-visible { outline: 2px solid var(--link) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 100% }
caption { text-align: left; color: var(--soft); padding-bottom: 0.25rem }
th, td { padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top }
thead th { color: var(--soft); font-weight: 600 } tbody th { font-weight: 400 } .number { text-align: right; white-space: nowrap }
td:not(.number), tbody th { overflow-wrap: break-word; min-width: 8rem } td a { overflow-wrap: anywhere } code { overflow-wrap: anywhere }
summary { cursor: pointer; color: var(--link) }
@media print {
  :root { color-scheme: light; --text: #000; --soft: #333; --back: #fff; --card: #fff; --grid: #999; --link: #000; --good: #0b4d2c; --bad: #8a1410; --area: #8a929c;
    --a: #1f5fbf; --b: #b3420b; --c: #19734a; --d: #8a2f86; --e: #7a5c00; --f: #006f7a }
  body { font-size: 10pt } main, header, footer { max-width: none; padding: 0 } .scroll { overflow: visible }
  h2 { break-after: avoid } figure, tr, .figures li { break-inside: avoid } .figures li { border: 1px solid var(--grid) }
  details::details-content { content-visibility: visible; height: auto } summary { list-style: none; color: inherit }
}
@page { margin: 15mm }
`
