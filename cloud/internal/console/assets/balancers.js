// Load balancers: where they listen, where they send, and how it goes.

import { h, svg } from './dom.js';
import { to, pill, card, empty, table, percent, shares, colours } from './format.js';
import { groupTable } from './service.js';

export function balancers(v) {
  return {
    title: 'Load balancers',
    content: [
      h('h1', null, 'Load balancers'),
      v.balancers.length === 0
        ? card('Load balancers', empty('There is none yet.', 'turnout provision --local'))
        : card('Load balancers', table('Load balancers', ['Name', 'State', 'Listeners', '-Type', '-Name in DNS'], v.balancers.map((b) => ({ key: b.arn, cells: [
          h('a', { href: to('balancers', b.name) }, b.name), pill(b.state === 'active' ? 'ACTIVE' : b.state), links(b), b.type, b.dns,
        ] })))),
      v.groups.length > 0 && card('Targets', groupTable(v.groups)),
    ],
  };
}

const links = (b) => h('ul', { class: 'plain' }, b.listeners.map((l) => h('li', null, l.url ? h('a', { href: l.url, target: '_blank', rel: 'noopener noreferrer' }, l.url) : `${l.protocol} :${l.port}`, l.url && h('span', { class: 'dim' }, ` :${l.port}`))));

export function balancer(v) {
  return {
    title: v.name,
    content: [
      h('p', { class: 'crumbs' }, h('a', { href: to('balancers') }, 'Load balancers')),
      h('div', { class: 'title' }, h('h1', null, v.name), pill(v.state === 'active' ? 'ACTIVE' : v.state)),
      h('p', { class: 'facts' }, h('span', null, v.type), h('span', null, v.dns)),
      v.listeners.map((l) => card(`Listener ${l.protocol} :${l.port}`, l.url && h('p', null, h('a', { href: l.url, target: '_blank', rel: 'noopener noreferrer' }, l.url)), rules(l))),
      v.groups.length > 0 && card('Requests', metrics(v)),
      v.groups.length > 0 && card('Targets', groupTable(v.groups)),
    ],
  };
}

function rules(l) {
  const colour = colours([...new Set(l.rules.flatMap((r) => r.weights.map((w) => w.group)))]);
  return table(`Rules of port ${l.port}`, ['Priority', 'If', 'Then'], l.rules.map((r) => ({ key: r.arn, cells: [
    r.priority, r.conditions.join(' and ') || 'anything else',
    r.weights.length > 0
      ? [shares('Weights', r.weights.map((w) => ({ name: w.group, percent: w.percent, colour: colour[w.group] }))),
        h('p', { class: 'legend' }, r.weights.map((w) => h('span', { class: colour[w.group] }, `${w.group} ${w.weight} (${percent(w.percent)})`)))]
      : r.action,
  ] })));
}

function metrics(v) {
  const every = v.period >= 60 ? 'minute' : `${v.period} s`;
  return table('Requests by target group', ['Target group', `Requests by ${every}`, 'Sum', '5XX', 'p50', 'p99'], v.groups.map((g) => ({ key: g.name, cells: [
    g.name, spark(g.requests), g.requests.reduce((a, b) => a + b, 0).toLocaleString(), h('span', { class: g.faults > 0 ? 'error' : 'dim' }, String(g.faults)), seconds(g.p50), seconds(g.p99),
  ] })));
}

const seconds = (s) => s > 0 ? `${(s * 1000).toFixed(s < 0.01 ? 1 : 0)} ms` : '—';

// spark draws values as a line.
function spark(values) {
  const top = Math.max(1, ...values);
  const points = values.map((v, i) => `${(i * 120) / (values.length - 1)},${(23 - (v * 21) / top).toFixed(1)}`).join(' ');
  return svg('svg', { class: 'spark', viewBox: '0 0 120 24', width: 120, height: 24, role: 'img', 'aria-label': `at most ${Math.round(top)}` }, svg('polyline', { points }));
}
