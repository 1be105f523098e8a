// The page of one service.

import { h } from './dom.js';
import { to, pill, card, empty, table, clock, took, span, ms } from './format.js';
import { fronts } from './overview.js';
import { deploymentTable } from './deployments.js';

export default function service(v) {
  return {
    title: v.name,
    content: [
      h('p', { class: 'crumbs' }, h('a', { href: to('') }, 'Overview'), ' / ', v.cluster),
      h('div', { class: 'title' }, h('h1', null, v.name), pill(v.status)),
      h('p', { class: 'facts' },
        h('span', null, h('b', null, `${v.running} of ${v.desired}`), ' running'), v.pending > 0 && h('span', null, `${v.pending} pending`),
        h('span', null, `controller ${v.controller}`), v.created && h('span', null, 'since ', clock(v.created))),
      v.deployment && h('p', { class: 'banner busy', 'data-key': 'busy' }, pill('InProgress'), ' ', h('a', { href: to('deployments', v.deployment) }, `Deployment ${v.deployment}`)),
      v.fronts.length > 0 && card('Traffic', fronts(v.fronts), groupTable(v.groups)),
      card('Tasks', v.tasks.length === 0 ? empty('No task has been started.') : taskList(v.tasks, v.name)),
      v.revision && card('Revision', revision(v.revision)),
      card('Service events', messages(v.events)),
      card('Deployments', v.deployments.length === 0 ? empty('CodeDeploy has not deployed to it.', 'turnout ship --local') : deploymentTable(v.deployments)),
    ],
  };
}

// healthy counts a group's targets, without those that are leaving.
export function healthy(g) {
  const all = g.targets.filter((t) => t.state !== 'draining').length;
  return all > 0 ? `${g.healthy} of ${all}` : 'none';
}

export function groupTable(groups) {
  return table('Target groups', ['Target', 'Target group', 'Health', 'Reason', '-Health check'],
    groups.flatMap((g) => g.targets.length === 0
      ? [{ key: g.name, cells: ['—', g.name, h('span', { class: 'dim' }, 'no targets'), '', g.check] }]
      : g.targets.map((t) => ({ key: `${g.name} ${t.id}:${t.port}`, cells: [t.port ? `${t.id}:${t.port}` : t.id, g.name, pill(t.state), t.description || t.reason, g.check] }))));
}

// taskList shows tasks, and of those that are not well what they said last.
export function taskList(tasks, label) {
  return h('ul', { class: 'tasks', 'aria-label': `Tasks of ${label}` }, tasks.map((t) => h('li', { 'data-key': t.id },
    h('div', { class: 'row' },
      h('code', { title: t.id }, t.id.slice(0, 12)), pill(t.status), t.health && t.health !== 'UNKNOWN' && t.status !== 'STOPPED' && pill(t.health),
      t.target && [h('span', { class: 'dim' }, 'target'), pill(t.target.state)],
      h('span', { class: 'dim' }, t.revision), t.address && h('span', { class: 'dim' }, t.address),
      t.started && h('span', { class: 'dim' }, t.stopped ? `ran ${span(ms(t.stopped) - ms(t.started))}` : ['for ', took(t.started)])),
    t.target?.description && t.target.state !== 'healthy' && h('p', { class: 'why' }, t.target.description),
    t.reason && h('p', { class: t.asked ? 'dim' : 'why' }, t.reason),
    h('ul', { class: 'containers' }, t.containers.map((k) => h('li', { 'data-key': k.name }, container(k, t)))))));
}

function container(k, t) {
  return [
    h('div', { class: 'row' },
      h('b', null, k.name), t.containers.length > 1 && pill(k.status), k.exit !== null && h('span', { class: k.exit === 0 ? 'dim' : 'error' }, `exit code ${k.exit}`),
      h('span', { class: 'dim image', title: k.image }, k.image),
      k.logs && h('a', { href: logsOf(k.logs.group, k.logs.stream) }, 'Logs')),
    k.reason && h('p', { class: 'why' }, k.reason),
    k.lines.length > 0 && h('pre', { tabindex: 0, 'aria-label': `last lines of ${k.name}` }, k.lines.join('\n')),
  ];
}

export const logsOf = (group, stream) => `${to('logs')}?group=${encodeURIComponent(group)}${stream ? '&stream=' + encodeURIComponent(stream) : ''}`;

export function messages(events) {
  if (events.length === 0) return empty('Nothing has happened.');
  return h('ol', { class: 'messages' }, events.map((e) => h('li', { 'data-key': e.at + e.message }, clock(e.at), ' ', e.message)));
}

function revision(r) {
  return [
    h('p', { class: 'facts' }, h('span', null, h('b', null, r.name)), r.cpu && h('span', null, `${r.cpu} CPU units`), r.memory && h('span', null, `${r.memory} MiB`)),
    table('Containers', ['Container', 'Image', 'Ports', 'Environment'], r.containers.map((k) => ({ key: k.name, cells: [
      k.name, h('span', { class: 'image', title: k.image }, k.image), k.ports.join(', '),
      [...k.env.map((n) => h('span', { class: 'variable', title: 'values are not shown' }, `${n}=•••`)), ...k.secrets.map((n) => h('span', { class: 'variable', title: 'a secret' }, `${n}=secret`))],
    ] }))),
  ];
}
