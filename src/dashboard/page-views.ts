/** Browser code of the report page: elements, the line diff, and how one case is drawn. Plain JavaScript, no packages. */
export const viewScript: string = String.raw`
'use strict';
// text only ever enters the page as text nodes: nothing recorded is parsed as HTML
function h(tag, attributes) {
  var element = document.createElement(tag);
  for (var name in attributes || {}) {
    var value = attributes[name];
    if (value === undefined || value === null || value === false) continue;
    if (name.slice(0, 2) === 'on') element.addEventListener(name.slice(2), value);
    else if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  for (var index = 2; index < arguments.length; index++) append(element, arguments[index]);
  return element;
}
function append(element, child) {
  if (child === null || child === undefined || child === false) return;
  if (Array.isArray(child)) child.forEach(function (item) { append(element, item); });
  else element.append(child);
}
function number(value) { return value.toLocaleString('en'); }
function plural(count, noun) { return number(count) + ' ' + noun + (count === 1 ? '' : 's'); }

var kindWords = {
  response: ['response', 'red'], write_missing: ['write missing', 'red'], write_extra: ['extra write', 'red'], write_changed: ['write changed', 'red'], expiry: ['expiry', 'red'],
  call_missing: ['call missing', 'red'], call_extra: ['extra call', 'red'], call_changed: ['call changed', 'red'], order: ['order', 'amber'], latency: ['latency', 'amber'],
};
var verdictWords = { same: 'same', noise: 'noise', differs: 'differs', inconclusive: 'inconclusive', error: 'error', not_run: 'not run' };
var verdictColors = { same: 'green', noise: 'green', differs: 'red', inconclusive: 'amber', error: 'red', not_run: 'amber' };
var provenanceWords = {
  own: ['own', 'green', 'written by this case itself'], recorded: ['recorded', 'green', 'the revision the baseline read in this request'],
  chain: ['chain', 'blue', 'known as of this moment from another request'], absent: ['absent', '', 'known not to exist'], unknown: ['unknown', 'amber', 'nobody knows what was there'],
};
function pill(word, color, title) { return h('span', { class: 'pill ' + (color || ''), title: title, text: word }); }
function kindPill(kind) { var words = kindWords[kind] || [kind, '']; return pill(words[0], words[1]); }

// ---- line diff: longest common subsequence between the common ends
function diffLines(left, right) {
  var start = 0, endLeft = left.length, endRight = right.length, rows = [];
  while (start < endLeft && start < endRight && left[start] === right[start]) start++;
  while (endLeft > start && endRight > start && left[endLeft - 1] === right[endRight - 1]) { endLeft--; endRight--; }
  for (var k = 0; k < start; k++) rows.push([left[k], right[k], true]);
  middle(left.slice(start, endLeft), right.slice(start, endRight), rows);
  for (k = 0; endLeft + k < left.length; k++) rows.push([left[endLeft + k], right[endRight + k], true]);
  return rows;
}
function middle(left, right, rows) {
  var n = left.length, m = right.length, i, j, pendingLeft = [], pendingRight = [];
  function flush() {
    for (var index = 0; index < Math.max(pendingLeft.length, pendingRight.length); index++) rows.push([pendingLeft[index], pendingRight[index], false]);
    pendingLeft = []; pendingRight = [];
  }
  if (n * m > 4000000) { pendingLeft = left; pendingRight = right; flush(); return; }
  var width = m + 1, table = new Uint32Array((n + 1) * width);
  for (i = n - 1; i >= 0; i--) for (j = m - 1; j >= 0; j--) {
    table[i * width + j] = left[i] === right[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  }
  for (i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && left[i] === right[j]) { flush(); rows.push([left[i++], right[j++], true]); }
    else if (j >= m || (i < n && table[(i + 1) * width + j] >= table[i * width + j + 1])) pendingLeft.push(left[i++]);
    else pendingRight.push(right[j++]);
  }
  flush();
}
// the part of a changed line that differs, marked
function marked(text, other, kind) {
  var line = h('div', { class: 'ln ' + kind });
  if (text === undefined) { line.className = 'ln pad'; return line; }
  if (other === undefined) { line.textContent = text || ' '; return line; }
  var from = 0, to = text.length, toOther = other.length;
  while (from < to && from < toOther && text[from] === other[from]) from++;
  while (to > from && toOther > from && text[to - 1] === other[toOther - 1]) { to--; toOther--; }
  append(line, [text.slice(0, from), to > from ? h('mark', { text: text.slice(from, to) }) : null, text.slice(to)]);
  return line;
}
// values that noise rules hid in the case on show: lines that differ in nothing else are drawn quietly
var quietPairs = [];
function isQuiet(left, right) {
  if (left === undefined || right === undefined || quietPairs.length === 0) return false;
  var text = left;
  quietPairs.forEach(function (pair) { if (right.indexOf(pair[1]) >= 0) text = text.split(pair[0]).join(pair[1]); });
  return text === right;
}
function unquoted(text) { return text.length > 1 && text[0] === '"' && text[text.length - 1] === '"' ? text.slice(1, -1) : text; }
// what two texts have in common: 'same', 'noise' when only quiet lines differ, or 'differs'
function relation(left, right) {
  if (left === right) return 'same';
  if (left === null || right === null) return 'differs';
  return diffLines(left.split('\n'), right.split('\n')).every(function (row) { return row[2] || isQuiet(row[0], row[1]); }) ? 'noise' : 'differs';
}
function relationPill(what, found) { return found === 'same' ? pill('same ' + what, 'green') : found === 'noise' ? pill('only noise in ' + what, 'green') : pill(what + ' differ' + (what === 'body' ? 's' : ''), 'red'); }
function sideBySide(baseline, candidate, names) {
  var rows = diffLines(baseline === null ? [] : baseline.split('\n'), candidate === null ? [] : candidate.split('\n'));
  // one grid with two cells a row keeps both sides level, however long a line wraps
  var box = h('div', { class: 'split' }, h('div', { class: 'head', text: names ? names[0] : 'baseline' }), h('div', { class: 'head right', text: names ? names[1] : 'candidate' }));
    var context = 3, keep = rows.map(function (row) { return !row[2]; }), show = keep.slice();
  keep.forEach(function (changed, at) { if (changed) for (var k = Math.max(0, at - context); k <= Math.min(rows.length - 1, at + context); k++) show[k] = true; });
  var nothing = keep.indexOf(true) < 0;
  function put(row, before) {
    var cells = row[2] ? [h('div', { class: 'ln', text: row[0] || ' ' }), h('div', { class: 'ln', text: row[1] || ' ' })]
      : isQuiet(row[0], row[1]) ? [marked(row[0], row[1], 'quiet'), marked(row[1], row[0], 'quiet')] : [marked(row[0], row[1], 'del'), marked(row[1], row[0], 'add')];
    cells[1].classList.add('right');
    cells.forEach(function (cell) { box.insertBefore(cell, before || null); });
  }
  for (var at = 0; at < rows.length;) {
    var end = at;
    while (end < rows.length && !show[end]) end++;
    if (!nothing && end - at > 4 || nothing && end - at > 12) {
      (function (hidden) {
        var fold = h('button', { class: 'fold', text: '⋯ ' + plural(hidden.length, 'equal line'), onclick: function () { hidden.forEach(function (row) { put(row, fold); }); fold.remove(); } });
        box.append(fold);
      })(rows.slice(at, end));
      at = end;
    } else {
      end = Math.max(end, at + 1);
      for (; at < end; at++) put(rows[at]);
    }
  }
  return box;
}
function section(title, small, content) {
  return h('section', {}, h('h2', {}, title, small ? h('small', { text: small }) : null), content);
}
function card(header, content, quiet) {
  return h('div', { class: 'card' + (quiet ? ' quiet' : '') }, header ? h('header', {}, header) : null, content);
}
function folded(summary, content) { return h('details', { class: 'card' }, h('summary', { text: summary }), content); }

// ---- one case
function absentWords(difference) {
  if (difference.kind === 'call_missing' || difference.kind === 'call_extra') return 'not called';
  if (difference.kind !== 'write_missing' && difference.kind !== 'write_extra') return 'not there';
  return difference.path.indexOf('$.messages') === 0 ? 'not published' : 'not written';
}
function differencesTable(differences) {
  var body = differences.map(function (difference) {
    function side(value, name) { return h('td', { class: name }, value === undefined ? h('span', { class: 'absent', text: absentWords(difference) }) : value); }
    return h('tr', {}, h('td', { class: 'tight' }, kindPill(difference.kind)),
      h('td', {}, h('div', { class: 'path', text: difference.path }), h('div', { class: 'why', text: difference.message })),
      side(difference.baseline, 'a'), side(difference.candidate, 'b'));
  });
  return card(null, h('table', { class: 'diffs' }, h('colgroup', {}, h('col', { class: 'kind' }), h('col', { class: 'where' }), h('col'), h('col')),
    h('thead', {}, h('tr', {}, h('th', { text: 'what' }), h('th', { text: 'where' }), h('th', { text: 'baseline' }), h('th', { text: 'candidate' }))), h('tbody', {}, body)));
}
function headerText(headers) { return (headers || []).map(function (header) { return header[0] + ': ' + header[1]; }).join('\n'); }
function responseView(detail) {
  var before = detail.baseline && detail.baseline.response, after = detail.candidate && detail.candidate.response;
  if (!before && !after) return card(null, h('div', { class: 'note', text: 'Neither version gave a response.' }));
  var status = h('span', { class: 'key', text: before && after && before.status === after.status ? 'HTTP ' + before.status : 'HTTP ' + (before ? before.status : '–') + ' → ' + (after ? after.status : '–') });
  var lower = function (response) { return response ? headerText(response.headers.map(function (x) { return [x[0].toLowerCase(), x[1]]; }).filter(function (x) { return ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'].indexOf(x[0]) < 0; }).sort(function (a, b) { return a[0] < b[0] ? -1 : 1; })) : null; };
  var headers = relation(lower(before), lower(after)), headersSame = headers === 'same';
  var parts = [card([status, relationPill('body', relation(before ? before.body : null, after ? after.body : null)), relationPill('headers', headers)],
    sideBySide(before ? before.body : null, after ? after.body : null))];
  parts.push(headersSame ? folded('Headers', h('pre', { text: lower(before) || '(none)' })) : card([h('span', { class: 'key', text: 'Headers' })], sideBySide(lower(before), lower(after))));
  return parts;
}
// the value, then its expiry in words where either version touched it
function effectText(effect, other) {
  if (!effect) return null;
  var value = effect.after === null ? '(deleted)' : effect.after;
  return effect.expiry || other && other.expiry ? value + '\n' + (effect.expiry || 'expiry left alone') : value;
}
function writesView(detail, differences) {
  var before = new Map(), after = new Map(), keys = [];
  ((detail.baseline || {}).effects || []).forEach(function (effect) { before.set(effect.key, effect); keys.push(effect.key); });
  ((detail.candidate || {}).effects || []).forEach(function (effect) { after.set(effect.key, effect); if (!before.has(effect.key)) keys.push(effect.key); });
  if (keys.length === 0) return card(null, h('div', { class: 'note', text: 'Neither version wrote to any state.' }));
  var differing = new Set(differences.filter(function (d) { return d.key; }).map(function (d) { return d.key; }));
  keys.sort(function (a, b) { return differing.has(b) - differing.has(a); });
  return keys.map(function (key) {
    var a = before.get(key), b = after.get(key), differs = differing.has(key);
    var mark = !a ? pill(differs ? 'extra write' : 'under this name in the candidate', differs ? 'red' : 'blue') : !b ? pill(differs ? 'write missing' : 'under another name in the candidate', differs ? 'red' : 'blue') : differs ? pill('differs', 'red') : ({ same: pill('same', 'green'), noise: pill('only noise', 'green'), differs: pill('differs, not counted', 'blue', 'by a rule, or in an order that does not count') })[relation(effectText(a, b), effectText(b, a))];
    var header = [h('span', { class: 'key', text: key }), (a || b).type ? pill((a || b).type) : null, mark];
    function words(effect) {
      if (!effect) return 'not written';
      var parts = [effect.after === null ? 'deleted' : effect.written ? (effect.parts.length ? 'wrote ' + effect.parts.slice(0, 12).join(', ') + (effect.parts.length > 12 ? ' …' : '') : 'value written') : 'value left alone'];
      return parts.join(' · ');
    }
    var content = [sideBySide(effectText(a, b), effectText(b, a), ['baseline: ' + words(a), 'candidate: ' + words(b)])];
    if (!differs && a && b) return h('details', { class: 'card' }, h('summary', {}, h('span', { class: 'mono', text: key }), ' ', mark), content);
    return card(header, content);
  });
}
function readsView(detail) {
  var reads = (detail.candidate || {}).reads || [], before = new Set(((detail.baseline || {}).reads || []).map(function (read) { return read.key; }));
  if (reads.length === 0) return card(null, h('div', { class: 'note', text: 'The candidate read no state.' }));
  return card(null, h('table', {}, h('thead', {}, h('tr', {}, ['element', 'provenance', 'revision', ''].map(function (name) { return h('th', { text: name }); }))),
    h('tbody', {}, reads.map(function (read) {
      var words = provenanceWords[read.provenance] || [read.provenance, '', ''];
      return h('tr', {}, h('td', { class: 'mono', text: read.key }), h('td', { class: 'tight' }, pill(words[0], words[1], words[2])), h('td', { class: 'mono tight', text: read.revision === null ? '–' : String(read.revision) }),
        h('td', {}, read.fault ? pill('state fault', 'amber', 'it was not fetched ahead of time') : null, ' ', before.has(read.key) ? null : pill('new read', 'blue', 'the baseline did not read it')));
    }))));
}
function callsView(detail) {
  var before = ((detail.baseline || {}).calls || []).slice(), after = ((detail.candidate || {}).calls || []).slice(), pairs = [];
  if (before.length + after.length === 0) return null;
  function take(test) {
    before = before.filter(function (a) {
      var at = after.findIndex(function (b) { return test(a, b); });
      if (at < 0) return true;
      pairs.push([a, after.splice(at, 1)[0]]);
      return false;
    });
  }
  take(function (a, b) { return a.dependency === b.dependency && a.method === b.method && a.target === b.target && a.body === b.body; });
  take(function (a, b) { return a.dependency === b.dependency && a.method === b.method && a.target === b.target; });
  take(function (a, b) { return a.dependency === b.dependency && a.method === b.method; });
  before.forEach(function (call) { pairs.push([call, null]); });
  after.forEach(function (call) { pairs.push([null, call]); });
  return section('Dependency calls', plural(pairs.length, 'call'), pairs.map(function (pair) {
    var a = pair[0], b = pair[1], call = a || b, same = a && b && a.target === b.target && a.body === b.body;
    var header = [h('span', { class: 'key' }, h('span', { class: 'method', text: call.method + ' ' }), a && b && a.target !== b.target ? a.target + ' → ' + b.target : call.target),
      pill(call.dependency), call.status === null ? pill('no answer known', 'amber') : pill('answered ' + call.status), !a ? pill('only in the candidate', 'red') : !b ? pill('no longer made', 'red') : same ? pill('same', 'green') : relation(a.target + a.body, b.target + b.body) === 'noise' ? pill('only noise', 'green') : pill('differs', 'red')];
    var content = a && b && same ? (a.body ? h('pre', { text: a.body }) : null) : sideBySide(a ? a.body : null, b ? b.body : null);
    return card(header, content, !content);
  }));
}
function messagesView(detail) {
  function text(outcome) { return ((outcome || {}).messages || []).map(function (m) { return m.channel + '  ' + m.message; }).join('\n'); }
  if (!text(detail.baseline) && !text(detail.candidate)) return null;
  return section('Published messages', '', card(null, sideBySide(text(detail.baseline), text(detail.candidate))));
}
function caseView(row, detail, verdicts) {
  var verdict = verdicts[row[3]], parts = [];
  parts.push(h('div', { class: 'crumb' }, pill(verdictWords[verdict], verdictColors[verdict]), h('span', { text: row[0] }), h('span', { text: row[5] })));
  parts.push(h('h1', { class: 'title' }, h('span', { class: 'method', text: row[1] }), row[2]));
  if (!detail) {
    parts.push(card(null, h('div', { class: 'note', text: verdict === 'same' ? 'The candidate did the same as the baseline: response, state writes and dependency calls are equal.' : 'The details of this case are not in this file, which holds as many as fit. The JSON report and “foreshard inspect ' + row[0] + '” have them.' })));
    return parts;
  }
  quietPairs = detail.hiddenDifferences.filter(function (d) { return d.baseline !== undefined && d.candidate !== undefined; }).map(function (d) { return [unquoted(d.baseline), unquoted(d.candidate)]; });
  if (detail.problems.length) parts.push(section('Problems', 'what keeps this case from a plain verdict', card(null, detail.problems.map(function (problem) { return h('div', { class: 'note' }, pill(problem.code, 'amber'), ' ', problem.message, problem.key ? h('code', { text: ' ' + problem.key }) : null); }))));
  if (detail.differences.length) parts.push(section('Differences', plural(detail.differences.length, 'place'), differencesTable(detail.differences)));
  parts.push(section('Response', '', responseView(detail)));
  parts.push(section('State writes', 'effects per element, whichever commands made them', writesView(detail, detail.differences)));
  parts.push(callsView(detail), messagesView(detail));
  var reads = ((detail.candidate || {}).reads || []).length;
  parts.push(section('State reads', plural(reads, 'element') + ', and where each answer came from', readsView(detail)));
  if (detail.request) parts.push(section('Request', new Date(detail.request.at).toISOString(), card(null, [h('pre', { text: row[1] + ' ' + row[2] + '\n' + headerText(detail.request.headers) + (detail.request.body ? '\n\n' + detail.request.body : '') })])));
  if (detail.renamed.length) parts.push(section('Renamed ids', 'generated anew in each run, consistent everywhere; the candidate is shown with the baseline’s', card(null, h('table', {},
    h('thead', {}, h('tr', {}, h('th', { text: 'baseline' }), h('th', { text: 'candidate' }))), h('tbody', {}, detail.renamed.map(function (pair) { return h('tr', {}, h('td', { class: 'mono', text: pair.baseline }), h('td', { class: 'mono', text: pair.candidate })); }))))));
  if (detail.hiddenDifferences.length) parts.push(section('Hidden noise', 'told by control runs or your rules, still checked for its class', differencesTable(detail.hiddenDifferences)));
  return parts;
}
`;
