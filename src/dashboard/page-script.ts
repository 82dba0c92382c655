/** Browser code of the report page: reading the data, the list of cases, filters, the overview. */
export const pageScript: string = String.raw`
var verdicts = ['same', 'noise', 'differs', 'inconclusive', 'error', 'not_run'];
var rowHeight = 34;
var state = { data: null, filter: '', verdict: null, group: null, onlyDifferences: false, rows: [], current: null };

async function load() {
  var text = document.getElementById('data').textContent.trim();
  var bytes = Uint8Array.from(atob(text), function (char) { return char.charCodeAt(0); });
  if (typeof DecompressionStream === 'undefined') throw new Error('this browser is too old to open the report (no DecompressionStream)');
  return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text());
}
function headline(head) {
  var totals = head.totals;
  if (totals.differs) return ['bad', totals.differs === 1 ? '1 request differs' : number(totals.differs) + ' requests differ'];
  if (totals.error) return ['bad', plural(totals.error, 'request') + ' failed'];
  if (totals.inconclusive + totals.not_run) return ['open', plural(totals.inconclusive + totals.not_run, 'request') + ' without a verdict'];
  return ['good', 'No difference'];
}
var logo = '<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"><path d="M2 4.5h7.5M2 8h12M2 11.5h7.5"/><path d="m11 5 3 3-3 3"/></svg>';
function side(data) {
  var head = data.head, words = headline(head), mark = h('span', { class: 'logo' });
  mark.innerHTML = logo; // a constant, nothing of the data
  var tiles = verdicts.map(function (verdict) {
    return h('button', { class: 'tile v-' + verdict + (head.totals[verdict] ? '' : ' zero'), 'aria-pressed': 'false', 'data-verdict': verdict, onclick: function () { state.verdict = state.verdict === verdict ? null : verdict; apply(); } },
      h('b', { text: number(head.totals[verdict]) }), h('span', { text: verdictWords[verdict] }));
  });
  var groups = data.groups.slice(0, 500).map(function (group, index) {
    return h('button', { class: 'group', 'aria-pressed': 'false', 'data-group': String(index), onclick: function () {
      state.group = state.group === index ? null : index; apply();
      if (state.group !== null) select(data.cases[group.cases[0]][0]);
    } }, h('span', { class: 'where', text: group.path }), h('span', { class: 'route' }, kindPill(group.kind), ' ' + group.route), h('span', { class: 'count', text: number(group.cases.length) }));
  });
  return h('nav', { class: 'side', 'aria-label': 'Cases' },
    h('div', { class: 'brand' }, h('button', { class: 'name', title: 'Overview', onclick: function () { select(null); } }, mark, 'Foreshard'), h('h1', { class: words[0], text: words[1] }),
      h('dl', { class: 'versions' }, h('dt', { text: 'baseline' }), h('dd', { text: head.baseline, title: head.baseline }), h('dt', { text: 'candidate' }), h('dd', { text: head.candidate, title: head.candidate }))),
    h('div', { class: 'tiles' }, tiles),
    h('div', { class: 'find' },
      h('input', { type: 'search', id: 'filter', placeholder: 'Filter by target, id, path  ( / )', 'aria-label': 'Filter cases', oninput: function (event) { state.filter = event.target.value.toLowerCase(); apply(); } }),
      h('label', {}, h('input', { type: 'checkbox', id: 'only', onchange: function (event) { state.onlyDifferences = event.target.checked; apply(); } }), 'only differences')),
    groups.length ? [h('div', { class: 'label' }, 'Causes', h('span', { text: plural(data.groups.length, 'cause') })), h('div', { class: 'groups' }, groups)] : null,
    h('div', { class: 'label' }, 'Requests', h('span', { id: 'shown' })),
    h('div', { class: 'cases', id: 'cases', tabindex: '0', onscroll: draw }, h('div', { id: 'space' })));
}
function apply() {
  var data = state.data, inGroup = state.group === null ? null : new Set(data.groups[state.group].cases);
  state.rows = [];
  data.cases.forEach(function (row, index) {
    var verdict = verdicts[row[3]];
    if (state.verdict && verdict !== state.verdict) return;
    if (inGroup && !inGroup.has(index)) return;
    if (state.onlyDifferences && verdict !== 'differs' && verdict !== 'error') return;
    if (state.filter && (row[0] + ' ' + row[1] + ' ' + row[2] + ' ' + row[5]).toLowerCase().indexOf(state.filter) < 0 && !matchesPath(row[0])) return;
    state.rows.push(row);
  });
  document.querySelectorAll('.tile').forEach(function (tile) { tile.setAttribute('aria-pressed', String(tile.dataset.verdict === state.verdict)); });
  document.querySelectorAll('.group').forEach(function (group) { group.setAttribute('aria-pressed', String(group.dataset.group === String(state.group))); });
  document.getElementById('shown').textContent = state.rows.length === data.cases.length ? number(data.cases.length) : number(state.rows.length) + ' of ' + number(data.cases.length);
  document.getElementById('space').style.height = state.rows.length * rowHeight + 'px';
  document.getElementById('cases').scrollTop = 0;
  draw();
}
function matchesPath(id) {
  var detail = state.data.details[id];
  return detail ? detail.differences.some(function (difference) { return difference.path.toLowerCase().indexOf(state.filter) >= 0; }) : false;
}
// only the rows in sight exist
function draw() {
  var list = document.getElementById('cases'), space = document.getElementById('space');
  var first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 6), last = Math.min(state.rows.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + 6);
  space.replaceChildren.apply(space, state.rows.slice(first, last).map(function (row, offset) {
    var element = h('button', { class: 'case', 'aria-current': String(row[0] === state.current), title: row[1] + ' ' + row[2], tabindex: '-1', onclick: function () { select(row[0]); } },
      h('span', { class: 'dot ' + verdicts[row[3]], title: verdictWords[verdicts[row[3]]] }), h('span', { class: 'method', text: row[1] }), h('span', { class: 'target', text: row[2] }), h('span', { class: 'id', text: row[0] }));
    element.style.top = (first + offset) * rowHeight + 'px';
    return element;
  }));
}
function select(id) {
  state.current = id;
  var hash = id === null ? '' : '#' + encodeURIComponent(id);
  if (location.hash !== hash) history.replaceState(null, '', hash || location.pathname);
  var main = document.getElementById('main'), row = id === null ? null : state.data.cases.find(function (entry) { return entry[0] === id; });
  main.replaceChildren(h('div', { class: 'page' }, row ? caseView(row, state.data.details[id], verdicts) : overview(state.data)));
  main.scrollTop = 0;
  draw();
}
function step(by) {
  var at = state.rows.findIndex(function (row) { return row[0] === state.current; }) + by, list = document.getElementById('cases');
  if (at < 0 || at >= state.rows.length) return;
  if (at * rowHeight < list.scrollTop) list.scrollTop = at * rowHeight;
  if ((at + 1) * rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * rowHeight - list.clientHeight;
  select(state.rows[at][0]);
}
function percent(share) { return share >= 1 ? '100 %' : Math.min(99.9, share * 100).toFixed(1) + ' %'; }
function stat(value, words, warn) { return h('div', { class: 'stat' + (warn ? ' warn' : '') }, h('b', { text: value }), h('span', { text: words })); }
function overview(data) {
  var head = data.head, gate = head.gate, words = headline(head), hid = head.noise.reduce(function (sum, rule) { return sum + rule.hid; }, 0);
  var bar = h('div', { class: 'bar', role: 'img', 'aria-label': verdicts.map(function (v) { return head.totals[v] + ' ' + verdictWords[v]; }).join(', ') }, verdicts.filter(function (v) { return head.totals[v]; }).map(function (v) { var part = h('i', { class: v, title: head.totals[v] + ' ' + verdictWords[v] }); part.style.flexGrow = head.totals[v]; return part; }));
  var parts = [h('div', { class: 'crumb' }, h('span', { text: new Date(head.createdAt).toISOString().replace('T', ' ').slice(0, 19) + ' UTC' })),
    h('h1', { class: 'overview-title', text: words[1] + ' of ' + number(head.requests) + (words[0] === 'good' ? ' requests' : '') }), bar,
    h('div', { class: 'stats' },
      stat(percent(head.assertedShare), 'of values asserted, the rest by its class'),
      stat(number(gate.reproduced) + ' / ' + number(gate.of), 'self-replay: reproduced by the baseline itself', gate.reproduced < gate.of),
      stat((head.durationMs / 1000).toFixed(1) + ' s', head.lanes + (head.lanes === 1 ? ' lane, ' : ' lanes, ') + head.mode + ', ' + head.concurrency + ' at a time'),
      stat(number(head.stateFaults), 'state faults: reads not fetched ahead of time'))];
  if (data.groups.length) parts.push(section('Causes', 'differences that have one kind, route and place', card(null, h('table', {}, h('thead', {}, h('tr', {}, ['what', 'where', 'example', 'requests'].map(function (name) { return h('th', { text: name }); }))),
    h('tbody', {}, data.groups.slice(0, 100).map(function (group) {
      var first = data.cases[group.cases[0]], example = group.example;
      return h('tr', {}, h('td', { class: 'tight' }, kindPill(group.kind)),
        h('td', {}, h('button', { class: 'link mono', text: group.path, onclick: function () { select(first[0]); } }), h('div', { class: 'mono', style: 'color:var(--dim)', text: group.route })),
        h('td', {}, h('div', { class: 'why', text: example.message }), example.baseline === undefined && example.candidate === undefined ? null : h('div', { class: 'mono' }, sideLine('baseline', 'green', clip(example.baseline, example)), sideLine('candidate', 'red', clip(example.candidate, example)))),
        h('td', { class: 'num', text: number(group.cases.length) }));
    }))))));
  var reasons = new Map();
  data.cases.forEach(function (row) {
    var verdict = verdicts[row[3]];
    if (verdict !== 'inconclusive' && verdict !== 'error' && verdict !== 'not_run') return;
    var problem = ((data.details[row[0]] || {}).problems || [])[0] || { code: verdict, message: '' }, id = verdict + problem.code, entry = reasons.get(id) || { verdict: verdict, problem: problem, first: row, count: 0 };
    entry.count++;
    reasons.set(id, entry);
  });
  if (reasons.size) parts.push(section('Without a verdict', 'and why', card(null, h('table', {}, h('tbody', {}, Array.from(reasons.values(), function (entry) {
    return h('tr', {}, h('td', { class: 'tight' }, pill(verdictWords[entry.verdict], verdictColors[entry.verdict])), h('td', { class: 'mono tight', text: entry.problem.code }), h('td', {}, entry.problem.message), h('td', {}, h('button', { class: 'link mono', text: entry.first[0], onclick: function () { select(entry.first[0]); } })), h('td', { class: 'num', text: number(entry.count) }));
  }))))));
  if (gate.failures.length) parts.push(section('Not reproduced by the baseline itself', 'verdicts on these say less', card(null, gate.failures.slice(0, 50).map(function (failure) {
    return h('div', { class: 'note' }, h('code', { text: failure.id + '  ' + failure.method + ' ' + failure.target }), h('div', { text: ((failure.differences[0] || failure.problems[0]) || {}).message || '' }));
  }))));
  if (head.noise.length) parts.push(section('Noise rules', plural(hid, 'difference') + ' hidden; a rule hides only values of its class', card(null, h('table', {}, h('thead', {}, h('tr', {}, ['place', 'class', 'from', 'hid'].map(function (name) { return h('th', { text: name }); }))),
    h('tbody', {}, head.noise.slice(0, 200).map(function (rule) {
      var origins = { control: 'control runs', config: 'your configuration', rename: 'ids, consistently renamed', clock: 'clock jitter' };
      return h('tr', {}, h('td', {}, h('div', { class: 'mono', text: rule.path }), rule.route ? h('div', { class: 'mono', style: 'color:var(--dim)', text: rule.route }) : null), h('td', { class: 'tight' }, pill(rule.valueClass)), h('td', { class: 'tight', text: origins[rule.origin] || '' }), h('td', { class: 'num' }, rule.hid ? number(rule.hid) : pill('nothing', 'amber', 'it hides nothing: can it go?')));
    }))))));
  if (head.notes.length) parts.push(section('Notes', '', card(null, head.notes.map(function (note) { return h('div', { class: 'note', text: note }); }))));
  return parts;
}
function sideLine(name, color, text) { return h('div', {}, h('span', { style: 'color:var(--dim)', text: name + ' ' }), h('span', { style: 'color:var(--' + color + ')', text: text })); }
function clip(text, difference) { return text === undefined ? absentWords(difference) : text.length > 90 ? text.slice(0, 90) + '…' : text; }
document.addEventListener('keydown', function (event) {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  var typing = event.target.tagName === 'INPUT' && event.target.type === 'search';
  if (event.key === '/' && !typing) { event.preventDefault(); document.getElementById('filter').focus(); }
  else if (event.key === 'Escape' && typing) event.target.blur();
  else if (!typing && (event.key === 'j' || event.key === 'ArrowDown')) { event.preventDefault(); step(1); }
  else if (!typing && (event.key === 'k' || event.key === 'ArrowUp')) { event.preventDefault(); step(-1); }
});
window.addEventListener('hashchange', function () { select(location.hash ? decodeURIComponent(location.hash.slice(1)) : null); });
window.addEventListener('resize', function () { if (state.data) draw(); });
load().then(function (data) {
  state.data = data;
  state.onlyDifferences = data.head.totals.differs > 0;
  document.getElementById('app').replaceChildren(side(data), h('main', { class: 'main', id: 'main' }));
  document.getElementById('only').checked = state.onlyDifferences;
  apply();
  select(location.hash ? decodeURIComponent(location.hash.slice(1)) : null);
  document.documentElement.dataset.ready = 'yes';
}).catch(function (error) {
  document.getElementById('app').replaceChildren(h('p', { class: 'loading', text: 'The report could not be opened: ' + error.message }));
});
`;
