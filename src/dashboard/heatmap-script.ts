/** Browser code of the heatmap page. */
export const heatmapScript: string = String.raw`
function h(tag, attributes) {
  var element = document.createElement(tag);
  Object.keys(attributes || {}).forEach(function (name) {
    var value = attributes[name];
    if (name === 'text') element.textContent = value; else if (name.slice(0, 2) === 'on') element.addEventListener(name.slice(2), value); else element.setAttribute(name, value);
  });
  for (var i = 2; i < arguments.length; i++) [].concat(arguments[i]).forEach(function (child) { if (child !== null && child !== undefined) element.append(child); });
  return element;
}
function number(value) { return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(Number(value).toPrecision(3))); }
function percent(value) { return number(100 * value) + ' %'; }
function time(ms) { return new Date(ms).toISOString().slice(0, 16).replace('T', ' '); }
function bytes(text) { return Uint8Array.from(atob(text), function (char) { return char.charCodeAt(0); }); }
async function load() {
  if (typeof DecompressionStream === 'undefined') throw new Error('this browser is too old to open the page (no DecompressionStream)');
  return JSON.parse(await new Response(new Blob([bytes(document.getElementById('data').textContent.trim())]).stream().pipeThrough(new DecompressionStream('gzip'))).text());
}
var data, order, tip = h('div', { class: 'tip', hidden: '' });
function draw(canvas, heat) {
  var columns = data.head.buckets, rows = order.length, height = Math.max(1, Math.min(rows, 700));
  canvas.width = columns; canvas.height = height; canvas.style.height = Math.max(height < 60 ? height * 10 : height, 60) + 'px';
  var context = canvas.getContext('2d'), image = context.createImageData(columns, height), pooled = new Uint8Array(columns * height);
  for (var row = 0; row < rows; row++) for (var column = 0; column < columns; column++) {
    var at = Math.floor(row * height / rows) * columns + column, value = heat[order[row] * columns + column];
    if (value > pooled[at]) pooled[at] = value; // the hottest of what falls together
  }
  for (var i = 0; i < pooled.length; i++) image.data.set(data.colours[pooled[i]].concat(255), i * 4);
  context.putImageData(image, 0, 0);
}
function hover(canvas, observed) {
  canvas.addEventListener('mousemove', function (event) {
    var box = canvas.getBoundingClientRect(), column = Math.floor((event.clientX - box.left) / box.width * data.head.buckets), row = Math.floor((event.clientY - box.top) / box.height * order.length);
    var index = order[row], element = data.elements[index];
    if (!element || column < 0 || column >= data.head.buckets) return;
    tip.replaceChildren(h('b', { text: element.key }), h('div', { text: time(data.head.startMs + column * data.head.bucketMs) + ' UTC' }),
      h('div', { text: 'expected ' + number(element.expected[column]) + ' (80 %: ' + number(element.low[column]) + ' to ' + number(element.high[column]) + ')' + (data.observedCounts ? ', observed ' + number(data.observedCounts[index][column]) : '') }),
      h('div', { text: 'P(read) ' + percent(element.pRead[column]) + ', P(write) ' + percent(element.pWrite[column]) }), reason(element));
    tip.hidden = false; tip.style.left = Math.min(event.clientX + 14, innerWidth - 480) + 'px'; tip.style.top = Math.min(event.clientY + 14, innerHeight - 140) + 'px';
  });
  canvas.addEventListener('mouseleave', function () { tip.hidden = true; });
}
function reason(element) {
  if (!element.why) return h('div', {});
  var routes = element.why.routes.map(function (one) { return one.route + ' (' + percent(one.share) + ')'; }).join(', ');
  return h('div', { style: 'color: var(--dim)', text: number(element.why.rate) + ' accesses a bucket of late, ' + number(element.why.total) + ' in all, the last ' + time(element.why.lastAt) + (routes ? '; reached by ' + routes : '') });
}
function chart(series) {
  var past = series.observed, ahead = series.median, count = past.length + ahead.length, most = Math.max.apply(null, past.concat(series.high)) || 1;
  var x = function (i) { return 600 * (i + 0.5) / count; }, y = function (value) { return 146 - 142 * value / most; };
  var line = function (values, from) { return values.map(function (value, i) { return (i ? 'L' : 'M') + x(from + i).toFixed(1) + ' ' + y(value).toFixed(1); }).join(''); };
  var band = line(series.high, past.length) + series.low.map(function (value, i) { return 'L' + x(past.length + series.low.length - 1 - i).toFixed(1) + ' ' + y(series.low[series.low.length - 1 - i]).toFixed(1); }).join('') + 'Z';
  var svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 600 150'); svg.setAttribute('preserveAspectRatio', 'none');
  [['path', { class: 'band', d: band, style: 'fill: color-mix(in srgb, var(--accent) 22%, transparent)' }], ['path', { class: 'observed', d: line(past, 0) }], ['path', { class: 'median', d: line(ahead, past.length) }], ['line', { x1: x(past.length - 0.5), x2: x(past.length - 0.5), y1: 0, y2: 150 }]].forEach(function (part) {
    var element = document.createElementNS('http://www.w3.org/2000/svg', part[0]);
    Object.keys(part[1]).forEach(function (name) { element.setAttribute(name, part[1][name]); });
    svg.append(element);
  });
  var chosen = series.scores.find(function (score) { return score.name === series.model; });
  return h('div', { class: 'card' }, h('header', {}, h('span', { class: 'key', text: series.name }), h('span', { class: 'pill blue', text: series.model }), chosen && chosen.relativeMae !== null ? h('span', { class: 'pill', text: 'error ' + number(chosen.relativeMae) + ' of "as a day ago"' }) : null),
    h('div', { class: 'chart' }, svg, h('div', { style: 'color: var(--dim); font-size: 12px', text: series.why + '; up to ' + number(most) + ' a bucket' })));
}
function table(heads, rows) {
  return h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, heads.map(function (text) { return h('th', { text: text }); }))), h('tbody', {}, rows.map(function (row) { return h('tr', {}, row.map(function (text, i) { return h('td', { class: i === 0 ? 'mono' : typeof text === 'number' ? 'num' : '', text: typeof text === 'number' ? number(text) : text }); })); }))));
}
function section(title, small, content) { return h('section', {}, h('h2', {}, title, h('small', { text: small })), content); }
function card(content) { return h('div', { class: 'card' }, content); }
function show() {
  var head = data.head, canvases = [], maps = h('div', { class: 'maps' });
  [['predicted', bytes(data.heat)]].concat(data.observed ? [['observed', bytes(data.observed)]] : []).forEach(function (map) {
    var canvas = h('canvas', { role: 'img', 'aria-label': map[0] + ' heat by element and time' });
    canvases.push([canvas, map[1]]); hover(canvas);
    maps.append(h('figure', { class: 'card' }, h('figcaption', { text: map[0] + ', ' + time(head.startMs) + ' to ' + time(head.startMs + head.buckets * head.bucketMs) + ' UTC' }), canvas));
  });
  var redraw = function () { canvases.forEach(function (one) { draw(one[0], one[1]); }); };
  var all = data.elements.map(function (_, index) { return index; }), list = h('div', {});
  var fill = function (filter) {
    order = all.filter(function (index) { return !filter || data.elements[index].key.toLowerCase().indexOf(filter) >= 0; });
    redraw();
    list.replaceChildren(table(['element', 'expected', 'P(read) at most', 'P(write) at most', 'why'], order.slice(0, 200).map(function (index) {
      var one = data.elements[index];
      return [one.key, one.expected.reduce(function (sum, value) { return sum + value; }, 0), percent(Math.max.apply(null, one.pRead)), percent(Math.max.apply(null, one.pWrite)), reason(one).textContent];
    })));
  };
  var gradient = 'linear-gradient(to right,' + [0, 32, 64, 96, 128, 160, 192, 224, 255].map(function (i) { return 'rgb(' + data.colours[i].join(',') + ')'; }).join(',') + ')';
  document.getElementById('app').replaceChildren(h('main', { class: 'page' },
    h('div', { class: 'crumb', text: 'State Access Heatmap from ' + head.source }), h('h1', { class: 'overview-title', text: number(head.elements) + ' elements, ' + head.buckets + ' buckets of ' + number(head.bucketMs / 1000) + ' s' }),
    data.notes.length ? section('Notes', '', card(data.notes.map(function (note) { return h('div', { class: 'note', text: note }); }))) : null,
    section('Heat', 'hottest element first, time to the right' + (head.shown < head.elements ? '; the hottest ' + number(head.shown) : '') + (head.rest ? '; ' + number(head.rest) + ' more are not listed' : ''), [maps, h('div', { class: 'scale' }, '0', h('i', { style: 'background:' + gradient }), number(head.most) + ' accesses in a bucket, on a logarithmic scale')]),
    data.series.length ? section('Series', 'what was observed, and the forecast with the interval that holds 80 %', h('div', { class: 'charts' }, data.series.slice(0, 60).map(chart))) : null,
    section('Elements', 'the first 200 of those that match', card([h('input', { class: 'search', type: 'search', placeholder: 'Filter by key', 'aria-label': 'Filter elements', oninput: function (event) { fill(event.target.value.toLowerCase()); } }), list])),
    data.models.length ? section('Probabilities', 'scored on windows held back', card(table(['access', 'buckets ahead', 'method', 'Brier skill', 'calibration error'], data.models.map(function (model) { var score = model.scores.find(function (one) { return one.method === model.method; }) || {}; return [model.access, model.horizon, model.method, score.brierSkill, score.ece]; })))) : null,
    data.edges.length ? section('Services', 'who calls whom', card(table(['from', 'to', 'calls a request'], data.edges.slice(0, 100).map(function (edge) { return [edge.from, edge.to, edge.callsPerRequest]; })))) : null,
    data.unseen.length ? section('New elements', 'share of accesses that will go to elements never seen before', card(table(['group', 'share'], data.unseen.slice(0, 50).map(function (one) { return [one.group, percent(one.share)]; })))) : null,
    data.members.length ? section('Headroom', 'what the upper end of the forecast leaves free', card(table(['member', 'resource', 'least'], data.members.map(function (one) { return [one.member, one.metric, percent(Math.min.apply(null, one.headroom))]; })))) : null));
  document.body.append(tip);
  fill('');
  document.documentElement.dataset.ready = 'yes';
}
load().then(function (loaded) { data = loaded; show(); }, function (error) { document.getElementById('app').replaceChildren(h('p', { class: 'loading', text: String(error.message || error) })); });
`;
