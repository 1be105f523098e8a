// What stands on the page is read off its address, followed, and shown.

import { h, show } from './dom.js';
import { follow } from './live.js';
import { base, counted, ms } from './format.js';
import { ask } from './ask.js';
import overview from './overview.js';
import { deployments, deployment } from './deployments.js';
import service from './service.js';
import { balancers, balancer } from './balancers.js';
import { repositories, images, alarms, logs } from './others.js';

// pages by their address: what is read, and what is made of it.
const pages = [
  [/^$/, () => ['overview.json', overview]],
  [/^deployments$/, () => ['deployments.json', deployments]],
  [/^deployments\/([^/]+)$/, (id) => [`deployments/${id}.json`, deployment]],
  [/^services\/([^/]+)\/([^/]+)$/, (cluster, name) => [`services/${cluster}/${name}.json`, service]],
  [/^balancers$/, () => ['balancers.json', balancers]],
  [/^balancers\/([^/]+)$/, (name) => [`balancers/${name}.json`, balancer]],
  [/^repositories$/, () => ['repositories.json', repositories]],
  [/^repositories\/([^/]+)$/, (name) => [`images.json?repository=${name}`, images]],
  [/^alarms$/, () => ['alarms.json', alarms]],
  [/^logs$/, () => [`logs.json${location.search}`, logs]],
];

const main = document.getElementById('main');

function page() {
  const path = location.pathname.slice(base.length);
  for (const [pattern, of] of pages) {
    const found = pattern.exec(path);
    if (found) return of(...found.slice(1));
  }
  return null;
}

function start() {
  const here = page();
  if (!here) {
    show(main, [h('h1', null, 'There is no such page'), h('p', null, h('a', { href: base }, 'To the overview'))]);
    return;
  }
  const [url, make] = here;
  let view;
  const draw = () => {
    if (!view) return;
    const { title, content, say } = make(view, draw);
    document.title = `${title} · Turnout`;
    show(main, content);
    announce(say);
    tick();
  };
  follow(base + 'api/' + url, {
    view: (v) => {
      view = v;
      draw();
    },
    refused: (e) => show(main, [h('h1', null, 'Not to be seen'), h('p', { role: 'alert', class: 'error' }, `${e.message} (${e.code})`), h('p', null, h('a', { href: base }, 'To the overview'))]),
    state,
  });
}

// announce tells those who do not see what has changed.
function announce(text) {
  const say = document.getElementById('say');
  if (text && say.textContent !== text) say.textContent = text;
}

const states = { live: 'live', waiting: 'the cloud does not answer; waiting for it', paused: 'paused' };

function state(now) {
  const dot = document.getElementById('connection');
  dot.className = `dot ${now}`;
  dot.setAttribute('aria-label', states[now]);
  dot.title = states[now];
}

// tick moves what follows the clock. It rests while nothing does.
let ticking;
function tick() {
  const now = Date.now();
  const moving = main.querySelectorAll('[data-since], [data-until], [data-clock]');
  for (const el of moving) {
    const { since, until, clock, ended } = el.dataset;
    if (since) el.textContent = counted(now - ms(since));
    if (until) el.textContent = counted(Math.max(0, ms(until) - now));
    if (clock) place(el, ms(clock), ended ? ms(ended) : now, now);
  }
  clearTimeout(ticking);
  if (moving.length) ticking = setTimeout(tick, 100);
}

// place fills a bar by the clock, or puts a span of time on its line.
function place(el, from, to, now) {
  if (el.tagName === 'PROGRESS') {
    el.value = Math.min(100, (100 * (now - from)) / (to - from));
    return;
  }
  const { first, last } = el.dataset;
  const all = Math.max(1, (last ? ms(last) : now) - ms(first));
  el.style.setProperty('--from', `${(100 * (from - ms(first))) / all}%`);
  el.style.setProperty('--long', `${(100 * (to - from)) / all}%`);
}

function mark() {
  const section = location.pathname.slice(base.length).split('/')[0];
  const of = section === 'services' ? '' : section;
  for (const a of document.querySelectorAll('nav a')) {
    if (new URL(a.href).pathname === base + of) a.setAttribute('aria-current', 'page');
  }
}

async function about() {
  const facts = await (await fetch(base + 'api/about.json')).json();
  const scale = facts.timeScale > 1 ? ` · time ÷ ${Math.round(facts.timeScale)}` : '';
  document.getElementById('cloud').textContent = `${facts.region} · ${facts.account} · ${facts.driver}${scale}`;
}

document.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-do]');
  if (button) ask(button);
});
mark();
about();
start();
