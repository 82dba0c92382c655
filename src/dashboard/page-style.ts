/** The style of the report page: one sheet, light and dark by `light-dark()`. */
export const pageStyle: string = String.raw`
:root {
  color-scheme: light dark;
  --bg: light-dark(#f6f7f9, #0f1216); --panel: light-dark(#fff, #161a20); --panel-2: light-dark(#f1f3f6, #1c2129);
  --line: light-dark(#e1e5ea, #272d37); --text: light-dark(#1b2129, #e3e7ed); --dim: light-dark(#5c6673, #96a1b0); --accent: light-dark(#3451b2, #8da4ef);
  --red: light-dark(#c4262c, #ff8a85); --red-bg: light-dark(#fdeceb, #35191b); --red-strong: light-dark(#f7c6c3, #6b2529);
  --green: light-dark(#137147, #5dd39c); --green-bg: light-dark(#e6f5ec, #12291f); --green-strong: light-dark(#b7e3c8, #1f5239);
  --amber: light-dark(#8f5300, #f3bd5b); --amber-bg: light-dark(#fff2d9, #33270f); --blue-bg: light-dark(#e9eefc, #1b2440);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { background: var(--bg); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
button, input { font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.loading { padding: 48px; color: var(--dim); text-align: center; }
#app { height: 100%; display: grid; grid-template-columns: minmax(320px, 400px) minmax(0, 1fr); }
.side { display: flex; flex-direction: column; min-height: 0; border-right: 1px solid var(--line); background: var(--panel); }
.brand { padding: 18px 20px 12px; }
.brand .name { display: flex; align-items: center; gap: 8px; font-weight: 650; letter-spacing: -.01em; color: var(--dim); background: none; border: 0; padding: 0; font-size: 13px; }
.brand .logo { width: 16px; height: 16px; color: var(--accent); flex: none; }
.brand h1 { margin: 8px 0 2px; font-size: 22px; line-height: 1.25; font-weight: 680; letter-spacing: -.02em; }
.brand h1.bad { color: var(--red); } .brand h1.good { color: var(--green); } .brand h1.open { color: var(--amber); }
.versions { font: 12px/1.6 var(--mono); color: var(--dim); display: grid; grid-template-columns: auto 1fr; gap: 0 10px; margin: 4px 0 0; }
.versions dt { font-family: system-ui, sans-serif; } .versions dd { margin: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--text); }
.tiles { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; padding: 4px 20px 12px; }
.tile { border: 1px solid var(--line); border-radius: 8px; background: none; padding: 6px 10px; text-align: left; line-height: 1.25; }
.tile b { display: block; font-size: 18px; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.tile span { color: var(--dim); font-size: 12px; }
.tile:hover { background: var(--panel-2); } .tile[aria-pressed=true] { border-color: var(--accent); background: var(--blue-bg); }
.tile.zero b { color: var(--dim); font-weight: 500; }
.v-differs b, .v-error b { color: var(--red); } .v-same b, .v-noise b { color: var(--green); } .v-inconclusive b, .v-not_run b { color: var(--amber); }
.tile.zero b { color: var(--dim); }
.find { padding: 0 20px 12px; display: flex; gap: 8px; align-items: center; }
.find input[type=search] { flex: 1; min-width: 0; padding: 7px 10px; border: 1px solid var(--line); border-radius: 8px; background: var(--bg); }
.find label { display: flex; gap: 6px; align-items: center; color: var(--dim); font-size: 12.5px; white-space: nowrap; }
.find input[type=checkbox] { accent-color: var(--accent); margin: 0; }
.label { padding: 8px 20px 5px; font-size: 11px; font-weight: 650; letter-spacing: .06em; text-transform: uppercase; color: var(--dim); display: flex; justify-content: space-between; border-top: 1px solid var(--line); }
.label span { font-weight: 500; letter-spacing: 0; text-transform: none; font-size: 12px; }
.groups { max-height: 36%; overflow: auto; flex: none; padding: 0 12px 8px; }
.group { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 1px 8px; width: 100%; text-align: left; background: none; border: 1px solid transparent; border-radius: 8px; padding: 6px 8px; }
.group:hover { background: var(--panel-2); } .group[aria-pressed=true] { background: var(--blue-bg); border-color: var(--accent); }
.group .where { font: 12px/1.45 var(--mono); overflow-wrap: anywhere; grid-column: 1 / -1; }
.group .route { color: var(--dim); font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.group .count { font-variant-numeric: tabular-nums; font-size: 12px; color: var(--dim); }
.cases { flex: 1; min-height: 120px; overflow: auto; position: relative; }
.case { position: absolute; left: 0; right: 0; height: 34px; padding: 0 20px; display: grid; grid-template-columns: 14px auto minmax(0, 1fr) auto; gap: 8px; align-items: center; border: 0; background: none; text-align: left; }
.case:hover { background: var(--panel-2); } .case[aria-current=true] { background: var(--blue-bg); box-shadow: inset 3px 0 var(--accent); }
.case .target { font: 12.5px/1 var(--mono); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.4; }
.case .id { color: var(--dim); font: 11px/1 var(--mono); }
.method { font: 600 11px/1 var(--mono); color: var(--dim); }
.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--dim); justify-self: center; }
.dot.differs, .dot.error { background: var(--red); } .dot.same { background: var(--green); } .dot.noise { background: none; border: 2px solid var(--green); } .dot.inconclusive, .dot.not_run { background: var(--amber); }
.main { overflow: auto; min-height: 0; scroll-behavior: smooth; }
.page { max-width: 1240px; margin: 0 auto; padding: 26px 32px 64px; }
.crumb { font: 12px var(--mono); color: var(--dim); display: flex; gap: 10px; align-items: center; flex-wrap: wrap; }
.title { font: 600 19px/1.35 var(--mono); margin: 6px 0 14px; overflow-wrap: anywhere; letter-spacing: -.01em; }
.title .method { font-size: 15px; margin-right: 8px; }
.pill { display: inline-block; border-radius: 999px; padding: 1px 9px; font: 600 11.5px/1.6 system-ui, sans-serif; background: var(--panel-2); color: var(--dim); white-space: nowrap; }
.pill.red { background: var(--red-bg); color: var(--red); } .pill.green { background: var(--green-bg); color: var(--green); } .pill.amber { background: var(--amber-bg); color: var(--amber); } .pill.blue { background: var(--blue-bg); color: var(--accent); }
section { margin: 0 0 22px; }
h2 { font-size: 13px; font-weight: 650; margin: 0 0 8px; display: flex; gap: 8px; align-items: baseline; } h2 small { font-weight: 400; color: var(--dim); font-size: 12px; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.card + .card { margin-top: 10px; }
.card > header { display: flex; gap: 8px; align-items: center; flex-wrap: wrap; padding: 8px 14px; border-bottom: 1px solid var(--line); background: var(--panel-2); }
.card > header .key { font: 600 12.5px/1.5 var(--mono); overflow-wrap: anywhere; margin-right: auto; }
.card.quiet > header { border-bottom: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; font-size: 12px; color: var(--dim); padding: 7px 14px; border-bottom: 1px solid var(--line); }
td { padding: 7px 14px; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } tr:last-child td { border-bottom: 0; }
td.mono, .mono { font: 12px/1.55 var(--mono); } td.num { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; } td.tight { white-space: nowrap; overflow-wrap: normal; }
.diffs { table-layout: fixed; } .diffs col.kind { width: 128px; } .diffs col.where { width: 40%; } .diffs .path { font: 12px/1.5 var(--mono); } .why { color: var(--dim); font-size: 12.5px; }
.diffs .a, .diffs .b { font: 12px/1.55 var(--mono); } .diffs .a { color: var(--green); } .diffs .b { color: var(--red); } .absent { color: var(--dim); font-style: italic; font-family: system-ui, sans-serif; }
.split { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); font: 12px/1.6 var(--mono); }
.split > div { min-width: 0; } .split > .right { border-left: 1px solid var(--line); }
.split .head { padding: 5px 14px; color: var(--dim); font: 11.5px/1.6 system-ui, sans-serif; border-bottom: 1px solid var(--line); }
.ln { padding: 0 14px; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.6em; }
.ln.del { background: var(--green-bg); } .ln.add { background: var(--red-bg); } .ln.pad { background: repeating-linear-gradient(-45deg, transparent 0 5px, var(--panel-2) 5px 6px); }
.ln.quiet { background: var(--panel-2); color: var(--dim); } .ln.quiet mark { background: none; text-decoration: underline dotted; text-underline-offset: 3px; }
.ln.del mark { background: var(--green-strong); } .ln.add mark { background: var(--red-strong); } mark { color: inherit; border-radius: 2px; }
.fold { grid-column: 1 / -1; padding: 1px 14px; color: var(--dim); background: var(--panel-2); border: 0; text-align: left; font: 11.5px/1.8 system-ui, sans-serif; }
.fold:hover { color: var(--text); }
pre { margin: 0; padding: 10px 14px; font: 12px/1.6 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
details.card > summary { padding: 8px 14px; cursor: pointer; color: var(--dim); list-style-position: inside; } details[open].card > summary { border-bottom: 1px solid var(--line); }
.note { color: var(--dim); padding: 10px 14px; } .note + .note { border-top: 1px solid var(--line); } .note code { font: 12px var(--mono); color: var(--text); }
.stats { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 10px; margin: 0 0 24px; }
.stat { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; } .stat b { display: block; font-size: 20px; font-weight: 650; letter-spacing: -.015em; font-variant-numeric: tabular-nums; } .stat span { color: var(--dim); font-size: 12.5px; }
.stat.warn b { color: var(--amber); }
.bar { display: flex; height: 8px; border-radius: 4px; overflow: hidden; gap: 2px; margin: 0 0 22px; background: var(--panel-2); } .bar i { min-width: 3px; }
.bar .same { background: var(--green); } .bar .noise { background: color-mix(in srgb, var(--green) 55%, var(--panel)); } .bar .differs, .bar .error { background: var(--red); } .bar .inconclusive, .bar .not_run { background: var(--amber); }
.overview-title { font-size: 22px; font-weight: 680; letter-spacing: -.02em; margin: 0 0 14px; }
.link { background: none; border: 0; padding: 0; color: var(--accent); text-align: left; overflow-wrap: anywhere; } .link:hover { text-decoration: underline; }
@media (max-width: 900px) { #app { grid-template-columns: 1fr; height: auto; } .side { border-right: 0; max-height: 90vh; } .split { font-size: 11px; } .page { padding: 20px 16px; } }
@media print { #app { display: block; } .side { display: none; } .main { overflow: visible; } }
`;
