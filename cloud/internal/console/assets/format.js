// How things are written.

import { h } from './dom.js';

export const base = '/_turnout/console/';

// to is the address of a page.
export const to = (...parts) => base + parts.map(encodeURIComponent).join('/');

export const ms = (iso) => Date.parse(iso);

// span writes milliseconds as people say them.
export function span(t) {
  if (!(t >= 0)) return '';
  if (t < 1000) return `${Math.round(t)} ms`;
  if (t < 9950) return `${(t / 1000).toFixed(1)} s`;
  const s = Math.round(t / 1000);
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(m / 60)} h ${String(m % 60).padStart(2, '0')} min`;
}

// clock is a moment as time of day; the day too, if it is another one.
export function clock(iso) {
  if (!iso) return '';
  const at = new Date(iso);
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  const day = at.toDateString() === new Date().toDateString() ? '' : at.toLocaleDateString() + ' ';
  return h('time', { datetime: iso, title: iso }, day + time);
}

// took is how long something lasted, or lasts.
export function took(began, ended) {
  if (!began) return '';
  if (ended) return span(ms(ended) - ms(began));
  return h('span', { 'data-since': began }, counted(Date.now() - ms(began)));
}

// counted writes what is counted as it goes: tenths of a second, and no jumps between units.
export const counted = (t) => t < 1000 ? `${(t / 1000).toFixed(1)} s` : span(t);

// left counts down to a moment.
export const left = (until) => h('span', { class: 'count', 'data-until': until }, counted(ms(until) - Date.now()));

export function size(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export const percent = (p) => `${Math.round(p)}%`;

const tones = {
  Succeeded: 'good', ACTIVE: 'good', PRIMARY: 'good', RUNNING: 'good', HEALTHY: 'good', healthy: 'good', OK: 'good', COMPLETED: 'good', STEADY_STATE: 'good',
  InProgress: 'busy', Created: 'busy', Queued: 'busy', Ready: 'wait', PENDING: 'busy', PROVISIONING: 'busy', initial: 'busy', IN_PROGRESS: 'busy', STABILIZING: 'busy', ACTIVATING: 'busy',
  Failed: 'bad', ALARM: 'bad', UNHEALTHY: 'bad', unhealthy: 'bad', FAILED: 'bad', Stopped: 'wait', draining: 'wait', DRAINING: 'wait', DEPROVISIONING: 'wait', STOPPING: 'wait', DEACTIVATING: 'wait',
};

const words = { InProgress: 'In progress', STEADY_STATE: 'steady', STABILIZING: 'stabilizing', INSUFFICIENT_DATA: 'insufficient data', UNKNOWN: 'unknown' };

// pill is a status: a word, and a colour beside it.
export const pill = (status) => status ? h('span', { class: `pill ${tones[status] ?? 'still'}` }, words[status] ?? status) : '';

// empty says what to do where there is nothing.
export function empty(what, ...commands) {
  return h('div', { class: 'empty' }, h('p', null, what), commands.map((c) => h('p', null, h('code', null, c))));
}

// table lays rows out under heads. A head that begins with "-" is left out where it is narrow.
export function table(label, heads, rows) {
  const wide = heads.map((x) => x.startsWith('-'));
  const cell = (tag, c, i, more) => h(tag, { class: wide[i] ? 'wide' : null, ...more }, c);
  return h('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: 0 },
    h('table', null,
      h('thead', null, h('tr', null, heads.map((x, i) => cell('th', x.replace(/^-/, ''), i, { scope: 'col' })))),
      h('tbody', null, rows.map(({ key, cells }) => h('tr', { 'data-key': key }, cells.map((c, i) => cell(i ? 'td' : 'th', c, i, i ? null : { scope: 'row' })))))));
}

export const card = (title, ...content) => h('section', { class: 'card', 'data-key': title, 'aria-label': title }, h('h2', null, title), content);

// meter is a bar that is full at most of max.
export function meter(label, value, max = 100, more) {
  return h('progress', { 'aria-label': label, max, value, ...more });
}

// colours gives target groups the colours that their names speak of; else the first is blue
// and the others are green. A group has the same colour on every page.
export function colours(names) {
  const says = (n) => /blue/i.test(n) ? 'blue' : /green/i.test(n) ? 'green' : '';
  const spoken = names.length > 1 && new Set(names.map(says)).size === names.length && names.every(says);
  return Object.fromEntries([...names].sort().map((n, i) => [n, spoken ? says(n) : i === 0 ? 'blue' : 'green']));
}

// shares is a bar of weights.
export function shares(label, parts) {
  const text = parts.map((p) => `${p.name} ${percent(p.percent)}`).join(', ');
  return h('div', { class: 'shares', role: 'img', 'aria-label': `${label}: ${text}` },
    parts.map((p) => h('span', { class: p.colour, 'data-key': p.name, 'data-none': p.percent === 0, vars: { '--share': p.percent } }, h('b', null, p.percent >= 8 ? percent(p.percent) : ''))));
}
