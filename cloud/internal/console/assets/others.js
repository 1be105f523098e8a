// Images, alarms and logs.

import { h } from './dom.js';
import { to, pill, card, empty, table, clock, size } from './format.js';
import { logsOf } from './service.js';

export function repositories(v) {
  return {
    title: 'Images',
    content: [
      h('h1', null, 'Images'),
      card('Repositories', v.repositories.length === 0
        ? empty('The registry has no repository yet.', 'turnout provision --local', 'aws ecr create-repository --repository-name web')
        : table('Repositories', ['Repository', 'Images', 'Pushed last', '-Tags', '-Address'], v.repositories.map((r) => ({ key: r.name, cells: [
          h('a', { href: to('repositories', r.name) }, r.name), String(r.images), clock(r.newest), r.immutable ? 'immutable' : 'mutable', h('code', null, r.uri),
        ] })))),
    ],
  };
}

export function images(v) {
  return {
    title: v.repository,
    content: [
      h('p', { class: 'crumbs' }, h('a', { href: to('repositories') }, 'Images')),
      h('h1', null, v.repository),
      card('Images', v.images.length === 0
        ? empty('No image has been pushed.', 'turnout build --local')
        : table('Images', ['Tags', 'Digest', 'Size', 'Pushed'], v.images.map((x) => ({ key: x.digest, cells: [
          x.tags.length > 0 ? x.tags.map((t) => h('span', { class: 'variable' }, t)) : h('span', { class: 'dim' }, 'untagged'),
          h('code', { title: x.digest }, x.digest.slice(0, 19) + '…'), size(x.size), clock(x.pushed),
        ] })))),
    ],
  };
}

export function alarms(v) {
  const bad = v.alarms.filter((a) => a.state === 'ALARM').map((a) => a.name);
  return {
    title: 'Alarms',
    say: bad.length > 0 ? `In alarm: ${bad.join(', ')}` : '',
    content: [
      h('h1', null, 'Alarms'),
      card('CloudWatch alarms', v.alarms.length === 0
        ? empty('There is no alarm. One that a deployment group names stops its deployments:', 'aws cloudwatch put-metric-alarm --alarm-name faults …')
        : table('Alarms', ['Alarm', 'State', 'Condition', 'Reason', '-Since'], v.alarms.map((a) => ({ key: a.name, cells: [a.name, pill(a.state), a.condition, a.reason, clock(a.since)] })))),
    ],
  };
}

export function logs(v) {
  const crumbs = h('p', { class: 'crumbs' }, v.group && h('a', { href: to('logs') }, 'Logs'), v.stream && [' / ', h('a', { href: logsOf(v.group) }, v.group)]);
  if (v.stream) {
    follows();
    return { title: v.stream, content: [crumbs, h('h1', { class: 'long' }, v.stream), h('section', { class: 'card' },
      v.lines.length === 0 ? empty('Nothing has been written.') : h('pre', { class: 'tail', id: 'tail', tabindex: 0, 'aria-label': 'lines' }, v.lines.map((l) => [clock(l.at), ' ', l.text, '\n'])))] };
  }
  if (v.group) {
    return { title: v.group, content: [crumbs, h('h1', { class: 'long' }, v.group), card('Streams', v.streams.length === 0
      ? empty('Nothing has been written.')
      : table('Streams', ['Stream', 'Written last'], v.streams.map((s) => ({ key: s.name, cells: [h('a', { href: logsOf(v.group, s.name) }, s.name), clock(s.last)] }))))] };
  }
  return { title: 'Logs', content: [h('h1', null, 'Logs'), card('Log groups', v.groups.length === 0
    ? empty('There is no log group. Containers with the awslogs driver write to the one that their task definition names.', 'aws logs create-log-group --log-group-name /ecs/web')
    : h('ul', { class: 'plain' }, v.groups.map((g) => h('li', null, h('a', { href: logsOf(g) }, g)))))] };
}

// follows keeps the end of the lines in sight, unless the reader has gone up.
function follows() {
  const tail = document.getElementById('tail');
  const atEnd = !tail || tail.scrollHeight - tail.scrollTop - tail.clientHeight < 8;
  if (atEnd) queueMicrotask(() => document.getElementById('tail')?.scrollTo(0, 1e9));
}
