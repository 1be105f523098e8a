// The first page: what runs, where the traffic goes, what is being deployed.

import { h } from './dom.js';
import { to, pill, card, empty, shares, table, percent, colours } from './format.js';
import { deploymentTable } from './deployments.js';
import { healthy } from './service.js';

export default function overview(v) {
  const running = v.services.filter((s) => s.deployment).length;
  return {
    title: 'Overview',
    say: running ? `${running} deployments are under way` : '',
    content: [
      h('h1', null, 'Overview'),
      v.alarms.length > 0 && h('p', { class: 'banner bad', 'data-key': 'alarms' }, pill('ALARM'), ' ', h('a', { href: to('alarms') }, v.alarms.map((a) => a.name).join(', '))),
      v.services.length === 0
        ? card('Services', empty('No service runs yet. Make what turnout.yml describes, then ship it:', 'turnout provision --local', 'turnout ship --local'))
        : h('div', { class: 'cards', 'data-key': 'services' }, v.services.map((s) => one(s, v.groups))),
      card('Recent deployments',
        v.deployments.length === 0
          ? empty('Nothing has been deployed yet.', 'turnout ship --local')
          : [deploymentTable(v.deployments), h('p', null, h('a', { href: to('deployments') }, 'All deployments'))]),
    ],
  };
}

function one(s, groups) {
  return h('section', { class: 'card service', 'data-key': `${s.cluster}/${s.name}`, 'aria-label': s.name },
    h('header', null,
      h('h2', null, h('a', { href: to('services', s.cluster, s.name) }, s.name), h('small', null, s.cluster)),
      h('p', { class: 'count' }, h('b', null, `${s.running}/${s.desired}`), ' running')),
    s.deployment && h('p', { class: 'banner busy' }, pill('InProgress'), ' ', h('a', { href: to('deployments', s.deployment) }, `Deployment ${s.deployment}`)),
    fronts(s.fronts),
    sets(s, groups),
    s.fronts.length === 0 && h('p', { class: 'dim' }, 'No load balancer stands before it.'));
}

// fronts are the listeners with their weights as bars, those of some groups first.
export function fronts(all, first = []) {
  const colour = colours([...new Set(all.flatMap((f) => f.weights.map((w) => w.group)))]);
  const place = (w) => first.includes(w.group) ? first.indexOf(w.group) : first.length;
  return all.map((f) => ({ ...f, weights: [...f.weights].sort((a, b) => place(a) - place(b)) })).map((f) => h('div', { class: 'front', 'data-key': `${f.balancer}:${f.port} ${f.rule}` },
    h('p', null,
      f.url ? h('a', { href: f.url, target: '_blank', rel: 'noopener noreferrer' }, f.url) : f.balancer,
      h('span', { class: 'dim' }, ` ${f.use ? f.use + ' · ' : ''}${f.balancer} :${f.port}${f.rule ? ' · ' + f.rule : ''}`)),
    shares(`Traffic of port ${f.port}`, f.weights.map((w) => ({ name: w.group, percent: w.percent, colour: colour[w.group] }))),
    h('p', { class: 'legend' }, f.weights.map((w) => h('span', { class: colour[w.group] }, `${w.group} ${percent(w.percent)}`)))));
}

function sets(s, groups) {
  if (s.sets.length === 0) return h('p', { class: 'dim' }, 'It has no task set yet.');
  return table(`Task sets of ${s.name}`, [s.controller === 'ECS' ? 'Deployment' : 'Task set', 'Revision', 'Running', 'Healthy'],
    s.sets.map((x) => {
      const g = groups.find((g) => g.name === x.group);
      return { key: x.id, cells: [[pill(x.status), ' ', pill(x.stability)], x.revision, `${x.running}/${x.desired}`, g ? [`${healthy(g)} `, h('span', { class: 'dim' }, g.name)] : '—'] };
    }));
}
