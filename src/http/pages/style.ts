// The style sheet of our pages: one card, light and dark, in the project's colour. It is inlined, so that the first paint needs no
// second request. Logical properties make it work from right to left as well.
import { inkOn, readableOn } from '../../colors.ts'

/** In each scheme, the surface on which the project's colour has the least contrast. */
const surfaces = { light: '#f0f1f4', dark: '#22242a' }

/** The project's colour, made readable: text 4.5:1 (WCAG 2.2, 1.4.3), edges of controls 3:1 (1.4.11). */
function projectColors(surface: string, color: string): string {
  return `--accent: ${readableOn(surface, color, 4.5)}; --edge: ${readableOn(surface, color, 3)}`
}

/** Builds the sheet. @param color `#rrggbb`, whatever its contrast */
export function styleOf(color: string): string {
  const ink = inkOn(color)
  // Mixed away from the colour of its text, so that the contrast only grows.
  const far = ink === '#ffffff' ? '#000' : '#fff'
  return `
:root {
  color-scheme: light dark; ${projectColors(surfaces.light, color)};
  --paper: #f6f7f9; --panel: #fff; --sunken: #f0f1f4; --ink: #1b1b1f; --quiet: #5c5f66; --line: #85888f; --hair: #e2e4e9;
  --wrong: #a4161a; --wrong-soft: #fdecec; --good: #17663a; --good-soft: #e4f5ea; --warn: #7a4d00; --warn-soft: #fdf1d8;
  --button: ${color}; --on-button: ${ink}; --button-over: color-mix(in srgb, ${color} 88%, ${far});
  --shadow: 0 1px 2px rgb(20 22 30 / 6%), 0 12px 32px -12px rgb(20 22 30 / 14%); --radius: .625rem
}
@media (prefers-color-scheme: dark) {
  :root {
    ${projectColors(surfaces.dark, color)};
    --paper: #121317; --panel: #1a1b20; --sunken: #22242a; --ink: #ececf1; --quiet: #a3a7b0; --line: #777b85; --hair: #2c2e36;
    --wrong: #ffb4ab; --wrong-soft: #3d1d1d; --good: #8ddaa9; --good-soft: #17311f; --warn: #f1c56b; --warn-soft: #38290c;
    --shadow: none
  }
}
${rules}`
}

const rules = `* { box-sizing: border-box }
[hidden] { display: none !important }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body { display: flex; flex-direction: column; align-items: center; min-height: 100vh; min-height: 100dvh; margin: 0; padding: clamp(1.5rem, 9vh, 6rem) 1.25rem 2rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif; overflow-wrap: anywhere }
main { width: 100%; max-width: 27rem; padding: 2.25rem 2.25rem 2rem; background: var(--panel); border: 1px solid var(--hair); border-radius: 1rem; box-shadow: var(--shadow) }
main.wide { max-width: 52rem }
main > :last-child, form > :last-child, section > :last-child, .notice > :last-child { margin-block-end: 0 }
.brand { display: flex; align-items: center; gap: .75rem; margin: 0 0 1.75rem; font-weight: 650; line-height: 1.3 }
.brand .mark { display: grid; place-items: center; flex: none; width: 2.25rem; height: 2.25rem; border-radius: .55rem; background: var(--button); color: var(--on-button); font-size: 1.125rem }
.brand .logo { flex: none; width: 2.25rem; height: 2.25rem; object-fit: contain; border-radius: .4rem }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; font-weight: 680; line-height: 1.25; letter-spacing: -.012em; text-wrap: balance }
[dir=rtl] h1 { letter-spacing: 0 }
h2 { margin: 2rem 0 .75rem; font-size: 1.125rem; line-height: 1.3 }
p, form, ul, ol, pre, dl { margin: 0 0 1.25rem }
form p, .field p { margin-block-end: 1rem }
h1 + form, h1 + div { margin-block-start: 1.25rem }
form > .mail { margin: .875rem 0 0 }
summary { margin-block-end: .75rem; color: var(--accent); cursor: pointer }
h1 + p, .lead { color: var(--quiet) }
.quiet { color: var(--quiet); font-size: .9375rem }
.end { text-align: center }
a:not(.button) { color: var(--accent); text-underline-offset: .18em }
code { padding: .1em .35em; border-radius: .3rem; background: var(--sunken); font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
pre { padding: 1rem; overflow-x: auto; border-radius: var(--radius); background: var(--sunken); overflow-wrap: normal } pre code { padding: 0; background: none }
.field { margin: 0 0 1.125rem }
.field-head { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; flex-wrap: wrap; margin: 0 0 .375rem }
label { display: block; margin: 0 0 .375rem; font-weight: 600; font-size: .9375rem } .field-head label { margin: 0 } .field-head a { font-size: .875rem }
input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea { display: block; width: 100%; min-height: 2.875rem; padding: .5rem .8rem; border: 1px solid var(--line); border-radius: var(--radius); background: var(--panel); color: inherit; font: inherit }
.field input:not([type=checkbox], [type=radio]) { margin: 0 }
form > input:not([type=hidden], [type=checkbox], [type=radio]) { margin: 0 0 1rem }
input[aria-invalid=true] { border-color: var(--wrong); box-shadow: 0 0 0 1px var(--wrong) }
input.code { font-size: 1.375rem; font-variant-numeric: tabular-nums; letter-spacing: .3em; text-align: center; direction: ltr }
.field .hint, .field .wrong { margin: .375rem 0 0; font-size: .875rem } .hint { color: var(--quiet) }
.wrong { color: var(--wrong); font-weight: 600 }
.check { display: flex; align-items: flex-start; gap: .625rem; margin: 0 0 1.125rem; font-weight: 400; font-size: .9375rem }
.check input { flex: none; width: 1.15rem; height: 1.15rem; margin: .2rem 0 0; accent-color: var(--edge) }
.inside { position: relative } .inside input { padding-inline-end: 4.75rem !important }
.inside button { position: absolute; inset-block: .25rem; inset-inline-end: .25rem; width: auto; min-height: 0; padding: 0 .7rem; border: 0; background: var(--panel); color: var(--accent); font-size: .875rem }
.meter { display: flex; gap: .25rem; margin: .5rem 0 0 } .meter i { flex: 1; height: .25rem; border-radius: 1rem; background: var(--hair) }
.meter[data-score="1"] i:nth-child(-n+1) { background: var(--wrong) } .meter[data-score="2"] i:nth-child(-n+2) { background: var(--warn) } .meter[data-score="3"] i:nth-child(-n+3), .meter[data-score="4"] i { background: var(--good) }
button, a.button { display: flex; align-items: center; justify-content: center; gap: .625rem; width: 100%; min-height: 2.875rem; padding: .5rem 1.125rem; border: 1px solid var(--edge); border-radius: var(--radius); background: var(--button); color: var(--on-button); font: inherit; font-weight: 600; line-height: 1.3; text-align: center; text-decoration: none; cursor: pointer; transition: background-color .12s }
button:hover, a.button:hover { background: var(--button-over) }
button.second, a.button.second { border-color: var(--line); background: var(--panel); color: var(--ink) }
button.second:hover, a.button.second:hover, .inside button:hover { background: var(--sunken) }
button.danger { border-color: var(--wrong); background: var(--panel); color: var(--wrong) } button.danger:hover { background: var(--wrong-soft) }
button.plain { display: inline; width: auto; min-height: 1.5rem; padding: 0; border: 0; background: none; color: var(--accent); font-weight: inherit; text-align: start; text-decoration: underline; text-underline-offset: .18em }
button[aria-disabled=true] { opacity: .7; cursor: progress }
.buttons { display: grid; gap: .625rem; margin: 0 0 1.25rem } .buttons form { margin: 0 } .buttons svg { flex: none; width: 1.25rem; height: 1.25rem }
.pair { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)) }
.or { display: flex; align-items: center; gap: .875rem; margin: 1.25rem 0; color: var(--quiet); font-size: .875rem } .or::before, .or::after { content: ""; flex: 1; height: 1px; background: var(--hair) }
.notice { margin: 0 0 1.25rem; padding: .75rem 1rem; border-radius: var(--radius); background: var(--sunken); font-size: .9375rem } .notice p { margin: 0 0 .5rem }
.notice.bad { background: var(--wrong-soft); color: var(--wrong) } .notice.good { background: var(--good-soft); color: var(--good) } .notice.warn { background: var(--warn-soft); color: var(--warn) }
.person { display: flex; align-items: center; gap: .75rem; min-width: 0 } .person .face { flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: 50%; background: var(--sunken); color: var(--ink); font-weight: 650; object-fit: cover } .person small { display: block; color: var(--quiet); font-size: .875rem; font-weight: 400 }
section { margin: 0 0 2rem; padding: 0 0 2rem; border-block-end: 1px solid var(--hair) } section:last-of-type { margin: 0; padding: 0; border: 0 } section > h2:first-child { margin-top: 0 }
.rows { padding: 0; list-style: none } .rows > li { display: flex; align-items: center; justify-content: space-between; gap: .5rem 1rem; flex-wrap: wrap; padding: .875rem 0; border-block-end: 1px solid var(--hair) } .rows > li:last-child { border: 0 } .rows form { margin: 0 } .rows button, .rows a.button { width: auto; min-height: 2.25rem; padding: .25rem .75rem; font-size: .875rem }
section > form, section.narrow > * { max-width: 27rem } section form button { width: auto } section.narrow form button, .rows details button { width: 100% } .rows .what { display: grid; gap: .15rem; flex: 1 1 16rem; min-width: 0 } .rows details summary { margin: 0; font-size: .875rem } .rows details form { margin: .5rem 0 } .links { max-width: 27rem; margin-block-start: 1rem } .links button { width: 100% !important } .account-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; margin: 0 0 1.25rem } .picture { display: flex; gap: 1.25rem; align-items: flex-start } .picture { margin: 0 0 1rem } .picture form { flex: 1; min-width: 0; max-width: 27rem; margin: 0 } input[type=file] { padding: .45rem .5rem; font-size: .9375rem } ::file-selector-button { margin-inline-end: .75rem; padding: .375rem .75rem; border: 0; border-radius: .4rem; background: var(--sunken); color: inherit; font: inherit } .picture .face { width: 4.5rem; height: 4.5rem; font-size: 1.75rem; border-radius: 50%; object-fit: cover; flex: none; display: grid; place-items: center; background: var(--sunken); font-weight: 650 }
.qr { display: block; margin: 0 0 1rem; border-radius: var(--radius); background: #fff } .steps { padding-inline-start: 1.25rem } .steps > li { margin-block-end: 1.5rem } .codes { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .375rem 1.5rem; padding: 1rem 1rem 1rem 2.5rem; border-radius: var(--radius); background: var(--sunken) }
@media print { body { padding: 0; background: #fff; color: #000 } .tabs, footer, button, a.button, .notice { display: none !important } main { border: 0; box-shadow: none } }
.tag { display: inline-block; padding: .1rem .5rem; border-radius: 1rem; background: var(--sunken); color: var(--quiet); font-size: .8125rem; font-weight: 600 } .tag.good { background: var(--good-soft); color: var(--good) } .tag.bad { background: var(--wrong-soft); color: var(--wrong) }
.tabs { display: flex; gap: .25rem 1.25rem; flex-wrap: wrap; margin: 0 0 1.75rem; border-block-end: 1px solid var(--hair) } .tabs a { padding: .5rem 0; border-block-end: 2px solid transparent; color: var(--quiet); text-decoration: none } .tabs a[aria-current] { border-color: var(--edge); color: var(--ink); font-weight: 600 }
footer { margin: 1.25rem 0 0; max-width: 52rem; color: var(--quiet); font-size: .8125rem; text-align: center } footer a:not(.button) { display: inline-block; padding: .25rem .45rem; color: inherit; text-decoration: none } footer a:hover { text-decoration: underline } footer [aria-current] { padding: .25rem .45rem; color: var(--ink); font-weight: 600 }
.only-read { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
input:focus-visible, select:focus-visible, textarea:focus-visible { outline-offset: 0 }
@media (max-width: 30rem) { .tabs { gap: 0 .75rem; font-size: .875rem } body { padding: 0 0 1.5rem; background: var(--panel) } main { padding: 1.75rem 1.25rem 1.25rem; border: 0; border-radius: 0; box-shadow: none } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important } }
@media (forced-colors: active) { button, a.button, main { border: 1px solid } .meter i { background: Canvas } }
`
