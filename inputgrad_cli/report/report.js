'use strict';
// Shows the items of a run, a page at a time. All data is in the index and in <template> elements;
// text goes into the page as text alone, never as HTML.
(async () => {
const byId = id => document.getElementById(id);
const inflate = text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).json();
};
const data = await inflate(byId('index').textContent);
const count = data.name.length, width = data.columns.length, pageSize = data.pack;
const lowerNames = data.name.map(name => name.toLowerCase());
const collator = new Intl.Collator(undefined, { numeric: true });

// The cells of 100 items stand one after the other in a template; here each of them begins.
const findStarts = lengths => {
  const starts = new Uint32Array(lengths.length);
  for (let i = 1; i < lengths.length; i++) starts[i] = i % (data.pack * width) ? starts[i - 1] + lengths[i - 1] : 0;
  return starts;
};
const parts = {
  small: { prefix: 'p', lengths: data.length, starts: findStarts(data.length) },
  large: { prefix: 'g', lengths: data.large, starts: findStarts(data.large) },
};
const parsed = new Promise(resolve => {
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', resolve); else resolve();
});
let lastPack = { id: '', text: '' };
async function readCell(part, cell) {
  const length = part.lengths[cell], start = part.starts[cell];
  if (!length) return '';
  const id = part.prefix + Math.floor(cell / (data.pack * width));
  if (!byId(id)?.nextSibling) await parsed;  // the browser is still reading the file
  if (lastPack.id !== id) lastPack = { id, text: byId(id).content.textContent };
  return lastPack.text.slice(start, start + length);
}

const make = (tag, fields = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), fields);
  node.append(...children);
  return node;
};
const makeSvg = (tag, attributes, ...children) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const getSide = level => level > 0 ? 'for' : 'against';

const drawings = {
  bars(body) {
    const rows = body.names.map((name, i) => {
      const length = body.lengths[i], x = Math.min(0, length);
      const bar = makeSvg('rect', { class: getSide(length), x, y: 1, width: Math.abs(length), height: 10 });
      const image = { viewBox: '-100 0 200 12', preserveAspectRatio: 'none', 'aria-hidden': true };
      const head = make('th', { scope: 'row' }, make('bdi', {}, name));
      if (body.inputs.length) head.append(make('span', { className: 'value' }, ' = ', make('bdi', {}, body.inputs[i])));
      const axis = makeSvg('path', { class: 'axis', d: 'M0 0V12' });
      return make('tr', {}, head, make('td', {}, makeSvg('svg', image, bar, axis)), make('td', {}, body.numbers[i]));
    });
    const caption = body.others ? [make('caption', {}, body.others)] : [];
    return make('table', { className: 'bars' }, ...caption, make('tbody', {}, ...rows));
  },
  tokens(body) {
    const words = body.words.flatMap((word, i) => {
      const level = body.levels[i], shade = (level > 0 ? 'p' : 'm') + Math.abs(level);
      const span = make('span', { className: level ? shade : '', title: body.numbers[i] }, word.replace(/^ /, ''));
      return word.startsWith(' ') ? [' ', span] : [span];  // the space itself has no colour
    });
    const rest = body.others ? [make('span', { className: 'rest' }, ` (${body.others})`)] : [];
    const text = make('div', { className: 'text', dir: 'auto', tabIndex: 0 }, ...words, ...rest);
    text.setAttribute('role', 'group');
    text.setAttribute('aria-label', 'text with colours');
    return text;
  },
  spark(body, alt) {
    const bars = body.levels.flatMap((level, x) => level ? [makeSvg('rect', {
      class: getSide(level), x, y: Math.min(0, -level), width: 1, height: Math.abs(level),
    })] : []);
    const view = `0 -100 ${body.levels.length} 200`;
    const image = { class: 'spark', viewBox: view, preserveAspectRatio: 'none', role: 'img', 'aria-label': alt };
    return makeSvg('svg', image, ...bars);
  },
};

const describe = (item, column) => {
  const answer = data.answer[item * width + column];
  return `${data.columns[column]} of ${data.name[item]}${answer ? ', ' + answer : ''}`;
};
const isPicture = text => !text.startsWith('H4sI');  // how gzip begins in base64
const toUrl = text => 'data:image/webp;base64,' + text;

// Fills a figure with the small form of a cell.
async function fillSmall(figure, item, column) {
  const text = await readCell(parts.small, item * width + column);
  if (!text) return;
  if (isPicture(text)) {
    figure.prepend(make('img', { className: 'thumb', alt: describe(item, column), src: toUrl(text) }));
    return;
  }
  const body = await inflate(text);
  figure.className = 'wide';
  figure.prepend(drawings[body.kind](body, describe(item, column)));
}

// Fills a figure with the largest picture that there is: in the page, beside it, or the thumbnail.
async function fillLarge(figure, item, column) {
  const cell = item * width + column, text = await readCell(parts.small, cell);
  const large = await readCell(parts.large, cell), file = data.file[cell];
  if (text && !isPicture(text)) await fillSmall(figure, item, column);
  else if (large || text) {
    const image = make('img', { className: 'thumb', alt: describe(item, column) });
    const showInside = note => {
      image.onerror = null;
      image.className = 'thumb';
      image.src = toUrl(large || text);
      if (note) figure.append(make('p', { className: 'note' }, note));
    };
    if (file && !large) {
      image.className = 'thumb file';
      image.onerror = () => showInside('This is the small picture: the files of the run are not beside this page.');
      image.src = file;
    } else showInside('');
    figure.prepend(image);
  }
  if (file) figure.append(make('a', { href: file, target: '_blank', rel: 'noopener' }, 'picture in the run'));
}

const getShownColumns = () => byId('column').value === '' ? data.columns.map((_, k) => k) : [+byId('column').value];
const WORST = [1, 2, 3, 0];  // failed, check does not hold, absent, done
const statusNames = ['ok', 'failed', 'unmet', 'absent'];
const getStatus = (item, columns) => {
  const all = columns.map(k => data.status[item * width + k]);
  return WORST.find(status => all.includes(status));
};

const listAnswers = (item, columns) => columns.map(k => data.answer[item * width + k]);
const haveOneAnswer = answers => new Set(answers.filter(Boolean)).size <= 1;
function describeCell(item, column, isSeveral, isOneAnswer) {
  const answer = data.answer[item * width + column], status = data.status[item * width + column];
  const state = status === 1 ? 'failed' : status === 3 ? 'not computed' : isOneAnswer ? '' : answer;
  return (isSeveral ? [data.columns[column], state] : [status === 3 ? state : '']).filter(Boolean).join(': ');
}
function listNotes(item, columns) {
  const notes = columns.flatMap(k => (data.notes[item * width + k] || []).map(note => {
    const start = data.status[item * width + k] === 1 ? 'failed: ' : '';
    return start + note;
  }));
  return [...new Set(notes)];
}

function makeCard(item, columns) {
  const answers = listAnswers(item, columns), isOneAnswer = haveOneAnswer(answers);
  const figures = columns.map(k => {
    const caption = describeCell(item, k, width > 1, isOneAnswer);
    const figure = make('figure', {}, ...(caption ? [make('figcaption', {}, caption)] : []));
    fillSmall(figure, item, k);
    return figure;
  });
  const open = make('button', { type: 'button', className: 'open name', dir: 'auto', tabIndex: -1 }, data.name[item]);
  const card = make('li', { className: `card ${statusNames[getStatus(item, columns)]}` },
    make('div', { className: 'cells' }, ...figures), open);
  const answer = answers.find(Boolean);
  if (isOneAnswer && answer) card.append(make('p', {}, answer));
  for (const note of listNotes(item, columns)) card.append(make('p', { className: 'note' }, note));
  card.dataset.item = item;
  return card;
}

let view = [], page = 0;
const listOpeners = () => [...document.querySelectorAll('#grid .open')];
function drawPage(isFocused) {
  const shown = view.slice(page * pageSize, (page + 1) * pageSize), columns = getShownColumns();
  byId('grid').replaceChildren(...shown.map(item => makeCard(item, columns)));
  const first = listOpeners()[0];
  if (first) first.tabIndex = 0;
  if (first && isFocused) first.focus();
  const format = number => number.toLocaleString('en');
  const start = page * pageSize, range = `${format(start + 1)} to ${format(start + shown.length)}`;
  byId('shown').textContent = view.length ? `${range} of ${format(view.length)}` : 'nothing matches';
  byId('back').disabled = page === 0;
  byId('forward').disabled = (page + 1) * pageSize >= view.length;
  performance.mark('drawn');
}

// Returns the number by which an item is sorted: the largest of the maps that are shown.
const getKey = (name, item, columns) => {
  const values = columns.map(k => data[name][item * width + k]).filter(value => value !== null);
  return values.length ? Math.max(...values) : null;
};
function sortView(name, isReversed, columns) {
  const direction = isReversed ? -1 : 1;
  if (name === 'name') view.sort((a, b) => direction * collator.compare(data.name[a], data.name[b]));
  else if (!name) { if (isReversed) view.reverse(); } else {
    const keys = new Map(view.map(item => [item, getKey(name, item, columns)]));
    const compare = (a, b) => a === null || b === null ? (a === null) - (b === null) : direction * (a - b);
    view.sort((a, b) => compare(keys.get(a), keys.get(b)) || a - b);
  }
}
const FIELDS = ['find', 'class', 'status', 'column', 'sort'];
function saveState() {
  const state = FIELDS.filter(id => byId(id).value).map(id => [id, byId(id).value]);
  if (isReversed()) state.push(['reverse', '1']);
  if (page) state.push(['page', page + 1]);
  // A page in a sandbox may not change its address.
  try { history.replaceState(null, '', '#' + new URLSearchParams(state)); } catch { return; }
}
const isReversed = () => byId('reverse').getAttribute('aria-pressed') === 'true';
function choose(newPage = 0) {
  const text = byId('find').value.trim().toLowerCase(), columns = getShownColumns();
  const label = byId('class').value, status = byId('status').value;
  view = [];
  for (let item = 0; item < count; item++) {
    const fits = (!text || lowerNames[item].includes(text))
      && (!label || columns.some(k => data.class[item * width + k] === +label))
      && (!status || getStatus(item, columns) === +status);
    if (fits) view.push(item);
  }
  sortView(byId('sort').value, isReversed(), columns);
  page = Math.max(0, Math.min(newPage, Math.ceil(view.length / pageSize) - 1));
  saveState();
  drawPage(false);
}
function turnPage(step) {
  const next = page + step;
  if (next < 0 || next * pageSize >= view.length) return;
  page = next;
  saveState();
  drawPage(true);
  byId('controls').scrollIntoView({ block: 'nearest' });
}

let largeItem = 0;
const toDigits = value => String(+value.toPrecision(4));
function showLarge(item) {
  largeItem = item;
  const columns = getShownColumns();
  byId('large-name').textContent = data.name[item];
  byId('large-cells').replaceChildren(...columns.map(k => {
    const caption = describeCell(item, k, width > 1, false);
    const figure = make('figure', {}, make('figcaption', {}, caption));
    fillLarge(figure, item, k);
    return figure;
  }));
  const facts = [];
  for (const k of columns) {
    const cell = item * width + k, start = width > 1 ? data.columns[k] + ': ' : '';
    if (data.answer[cell]) facts.push([start + 'model', data.answer[cell]]);
    if (data.norm[cell] !== null) facts.push([start + 'sum of magnitudes', toDigits(data.norm[cell])]);
    if (data.gap[cell] !== null) facts.push([start + 'completeness gap', toDigits(data.gap[cell])]);
    for (const note of data.notes[cell] || []) facts.push([start + (data.status[cell] === 1 ? 'failed' : 'note'), note]);
  }
  byId('large-facts').replaceChildren(...facts.flatMap(([name, text]) => [make('dt', {}, name), make('dd', {}, text)]));
  const position = view.indexOf(item);
  byId('large-back').disabled = position <= 0;
  byId('large-forward').disabled = position + 1 >= view.length;
  if (!byId('large').open) byId('large').showModal();
}
function stepLarge(step) {
  const position = view.indexOf(largeItem) + step;
  if (position >= 0 && position < view.length) showLarge(view[position]);
}
function moveFocus(key) {
  const openers = listOpeners(), current = openers.indexOf(document.activeElement);
  const cards = [...byId('grid').children];
  const rowLength = cards.filter(card => card.offsetTop === cards[0].offsetTop).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: rowLength, ArrowUp: -rowLength, Home: -Infinity, End: Infinity };
  if (current < 0 || !(key in steps)) return false;
  const next = openers[Math.max(0, Math.min(openers.length - 1, current + steps[key]))];
  openers[current].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  return true;
}

data.classes.forEach((name, i) => byId('class').append(make('option', { value: i }, name)));
data.columns.forEach((name, k) => byId('column').append(make('option', { value: k }, name)));
byId('column').parentElement.hidden = width < 2;
byId('class').parentElement.hidden = !data.classes.length;
let timer = 0;
byId('find').addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(choose, 120); });
for (const id of FIELDS.slice(1)) byId(id).addEventListener('change', () => choose());
byId('reverse').addEventListener('click', () => { byId('reverse').setAttribute('aria-pressed', !isReversed()); choose(); });
byId('controls').addEventListener('submit', event => event.preventDefault());
byId('back').addEventListener('click', () => turnPage(-1));
byId('forward').addEventListener('click', () => turnPage(1));
byId('large-back').addEventListener('click', () => stepLarge(-1));
byId('large-forward').addEventListener('click', () => stepLarge(1));
byId('theme').addEventListener('click', () => {
  const root = document.documentElement, system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  root.dataset.theme = (root.dataset.theme || system) === 'dark' ? 'light' : 'dark';
});
byId('grid').addEventListener('click', event => {
  const card = event.target.closest('.card');
  const isChosen = event.target.closest('.open, .thumb, .spark');
  if (card && isChosen) showLarge(+card.dataset.item);
});
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (byId('large').open) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) stepLarge(step);
    return;
  }
  if (/^(input|select)$/i.test(event.target.tagName)) return;
  if (event.key === '/') byId('find').focus();
  else if (event.key === '[') turnPage(-1);
  else if (event.key === ']') turnPage(1);
  else if (!moveFocus(event.key)) return;
  event.preventDefault();
});

const state = new URLSearchParams(location.hash.slice(1));
for (const id of FIELDS) if (state.get(id)) byId(id).value = state.get(id);
if (state.get('reverse')) byId('reverse').setAttribute('aria-pressed', true);
byId('controls').hidden = false;
document.body.classList.add('script');
choose((Number(state.get('page')) || 1) - 1);
requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('ready')));
})().catch(error => { document.getElementById('old').hidden = false; throw error; });
