// Deployments: their list, and the page of one.

import { h } from './dom.js';
import { to, pill, card, empty, table, clock, took, meter, shares, left, percent, colours } from './format.js';
import { taskList, messages, healthy } from './service.js';
import { fronts } from './overview.js';

export function deploymentTable(all) {
  return table('Deployments', ['Deployment', 'Status', 'Application', '-Configuration', 'Created', 'Duration'], all.map((d) => ({ key: d.id, cells: [
    h('a', { class: 'id', href: to('deployments', d.id) }, d.id),
    [pill(d.status), d.undoes && h('small', null, ' rollback'), d.rolledBack && h('small', null, ' rolled back')],
    [d.application, d.application !== d.group && h('span', { class: 'wide dim' }, ` / ${d.group}`)], d.config, clock(d.created), took(d.created, d.completed),
  ] })));
}

let wanted = ''; // what the list is searched for

export function deployments(v, draw) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const found = v.deployments.filter((d) => {
    const text = `${d.id} ${d.status} ${d.application} ${d.group} ${d.config} ${d.creator} ${d.description} ${d.error?.code ?? ''}`.toLowerCase();
    return words.every((w) => text.includes(w));
  });
  queueMicrotask(() => {
    const field = document.getElementById('search');
    if (field) field.oninput = () => {
      wanted = field.value;
      draw();
    };
  });
  return {
    title: 'Deployments',
    say: wanted && `${found.length} deployments found`,
    content: [
      h('h1', null, 'Deployments'),
      v.deployments.length === 0
        ? card('Deployments', empty('Nothing has been deployed yet.', 'turnout ship --local'))
        : h('section', { class: 'card', 'data-key': 'list' },
          h('input', { id: 'search', type: 'search', placeholder: 'Search: id, status, application, error…', 'aria-label': 'Search deployments', autocomplete: 'off' }),
          found.length > 0 ? deploymentTable(found) : h('p', { class: 'empty' }, 'None of them is like that.')),
    ],
  };
}

export function deployment(d) {
  const active = d.steps.find((s) => s.status === 'InProgress');
  return {
    title: `${d.id} ${d.status}`,
    say: `Deployment ${d.status}${active ? `: ${active.name}` : ''}. Replacement gets ${percent(d.sides[1].percent)} of the traffic.`,
    content: [
      h('p', { class: 'crumbs' }, h('a', { href: to('deployments') }, 'Deployments'), d.service && [' / ', h('a', { href: to('services', d.cluster, d.service) }, d.service)]),
      h('div', { class: 'title' }, h('h1', null, d.id), pill(d.status), h('div', { class: 'buttons' }, d.actions.map((a) => button(d, a)))),
      facts(d),
      banners(d),
      h('div', { class: 'pair', 'data-key': 'pair' }, card('Deployment status', steps(d.steps)), card('Traffic shifting progress', traffic(d))),
      autopsy(d),
      d.events.length > 0 && card('Lifecycle events', lifecycle(d)),
      d.sides.filter((s) => s.tasks.length > 0).map((s) => card(`${s.label} task set`, taskList(s.tasks, s.label))),
      d.alarms.length > 0 && card('Alarms that stop it', table('Alarms', ['Alarm', 'State', 'Condition'], d.alarms.map((a) => ({ key: a.name, cells: [a.name, pill(a.state), a.condition] })))),
      d.service && card('Service events', messages(d.messages)),
      card('Revision', revision(d)),
    ],
  };
}

const button = (d, a) => h('button', { type: 'button', 'data-key': a.name, 'data-do': `deployments/${encodeURIComponent(d.id)}/${a.name}`, 'data-asks': a.asks, 'data-danger': a.danger, class: a.danger ? null : 'main' }, a.label);

function facts(d) {
  return h('p', { class: 'facts' },
    h('span', null, d.application === d.group ? d.application : `${d.application} / ${d.group}`),
    h('span', null, d.config, d.routing && ` (${d.routing})`),
    h('span', null, 'created ', clock(d.created)),
    h('span', null, d.over ? 'took ' : 'for ', took(d.created, d.completed)),
    d.creator !== 'user' && h('span', null, `by ${d.creator}`),
    d.description && h('span', null, d.description));
}

function banners(d) {
  const link = (id) => h('a', { href: to('deployments', id) }, id);
  return [
    d.error && h('div', { class: `banner ${d.status === 'Failed' ? 'bad' : 'wait'}`, role: 'alert', 'data-key': 'error' }, h('b', null, d.error.code), ' ', d.error.message),
    d.undoes && h('p', { class: 'banner still', 'data-key': 'undoes' }, 'This is the rollback of ', link(d.undoes), '.'),
    d.rolledBack && h('p', { class: 'banner still', 'data-key': 'back' }, 'Rolled back by ', link(d.rolledBack), '.'),
  ];
}

function steps(all) {
  return h('ol', { class: 'steps' }, all.map((s) => h('li', { 'data-key': s.name, class: s.status.toLowerCase() },
    h('p', null, h('span', { class: 'name' }, s.name), h('span', { class: 'note' }, note(s))),
    bar(s))));
}

const verdicts = { Succeeded: 'Succeeded', Failed: 'Failed', Stopped: 'Stopped', Skipped: 'Skipped' };

function note(s) {
  if (s.until && s.status === 'InProgress') return [s.note && `${s.note}; `, `${s.counts} in `, left(s.until)];
  return s.status === 'InProgress' ? s.note || 'In progress' : verdicts[s.status] ?? '';
}

function bar(s) {
  const label = `${s.name}: ${s.status}`;
  if (s.byClock && s.status === 'InProgress') {
    return meter(label, null, 100, { value: 0, 'data-clock': s.began, 'data-ended': s.until });
  }
  return meter(label, s.status === 'Succeeded' ? 100 : s.percent);
}

function traffic(d) {
  const named = colours(d.sides.map((s) => s.name));
  const colour = d.sides.map((s, i) => named[s.name] && s.name ? named[s.name] : ['blue', 'green'][i]);
  return [
    h('div', { class: 'sides' }, d.sides.map((s, i) => h('div', { class: `${s.label.toLowerCase()} ${colour[i]}`, 'data-key': s.label },
      h('p', { class: 'label' }, s.label),
      h('p', { class: 'big' }, percent(s.percent)),
      h('dl', null, sideFacts(s).map(([k, v]) => [h('dt', null, k), h('dd', null, v)]))))),
    shares('Production traffic', d.sides.map((s, i) => ({ name: s.label, percent: s.percent, colour: colour[i] }))),
    !d.over && d.fronts.length > 0 && h('div', { class: 'fronts' }, fronts(d.fronts, d.sides.map((s) => s.name))),
  ];
}

function sideFacts(s) {
  if (!s.set) return [['Task set', 'none'], ['Target group', s.name || '—']];
  return [
    ['Revision', s.set.revision || '—'],
    ['Running', s.set.desired > 0 ? `${s.set.running} of ${s.set.desired}` : String(s.set.running)],
    ['Healthy', s.group ? healthy(s.group) : '—'],
    ['Target group', s.name],
    ['Task set', [pill(s.set.status), ' ', s.set.stability && pill(s.set.stability)]],
  ];
}

function lifecycle(d) {
  const first = d.started ?? d.created;
  return table('Lifecycle events', ['Event', 'Status', 'Duration', '-Timeline', 'Started'], d.events.map((e) => ({ key: e.name, cells: [
    [e.name, e.hook && h('small', { title: 'the function that runs in it' }, ` ${e.hook}`), e.diagnostics && h('p', { class: 'why' }, e.diagnostics)],
    pill(e.status), took(e.began, e.ended),
    e.began && h('span', { class: 'line' }, h('i', { class: e.status.toLowerCase(), 'data-clock': e.began, 'data-ended': e.ended, 'data-first': first, 'data-last': d.completed })),
    clock(e.began),
  ] })));
}

const telling = /unhealthy|failed|unable|error|denied|timed out/i;

// What the load balancer found wrong while the page was open: with the rollback it is
// forgotten there.
const found = new Map();

function remember(d) {
  for (const t of d.sides[1].group?.targets ?? []) {
    if (t.state === 'unhealthy') found.set(t.description || t.reason, `${t.id}:${t.port}`);
  }
}

// autopsy brings together what an ended deployment leaves behind of its reasons.
function autopsy(d) {
  if (!d.over) remember(d);
  if (d.status !== 'Failed' && d.status !== 'Stopped') return null;
  const event = d.events.find((e) => e.status === 'Failed');
  const dead = d.sides[1].tasks.filter((t) => (t.status === 'STOPPED' && !t.asked) || t.target?.state === 'unhealthy').slice(0, 3);
  const said = d.messages.filter((m) => telling.test(m.message) && !(Date.parse(m.at) > Date.parse(d.completed))).slice(0, 5);
  if (!event && dead.length === 0 && said.length === 0 && found.size === 0) return null;
  return card('What happened',
    event && h('p', null, 'It ended in ', h('b', null, event.name), event.began && [' after ', took(event.began, event.ended)], event.diagnostics && event.diagnostics !== d.error?.message && `: ${event.diagnostics}`, '.'),
    [...found].map(([why, target]) => h('p', null, 'The load balancer found ', h('b', null, target), ' unhealthy: ', why)),
    said.length > 0 && messages(said),
    dead.length > 0 && taskList(dead, 'the replacement task set'),
    h('p', { class: 'hint' }, 'The likely fix, on a terminal: ', h('code', null, `turnout watch --local ${d.id}`)));
}

function revision(d) {
  const r = d.revision;
  return [
    h('p', { class: 'facts' }, r.type && h('span', null, r.type), r.where && h('span', null, r.where),
      d.rollback && d.rollback.automatic.length > 0 && h('span', null, `rolls back on ${d.rollback.automatic.join(', ')}`)),
    r.content ? h('pre', { tabindex: 0, 'aria-label': 'AppSpec' }, pretty(r.content)) : empty('The AppSpec is not at hand.'),
  ];
}

// pretty indents JSON; what is none stays as it is.
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.trimEnd();
  }
}
