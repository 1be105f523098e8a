// A small way to write a document down and to bring the one that is shown in line with it.
// All text goes in as text: nothing here makes markup of a string.

const SVG = 'http://www.w3.org/2000/svg';

// h makes an element. Attributes that are null, undefined or false are left out; vars are
// custom properties of its style.
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(el, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === 'vars') {
      for (const [k, v] of Object.entries(value)) el.style.setProperty(k, v);
    } else if (value !== null && value !== undefined && value !== false) {
      el.setAttribute(name, value === true ? '' : value);
    }
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return el;
}

// show brings what stands in an element in line with new nodes. Elements that stay what
// they are stay in place, with focus, selection and what the user opened.
export function show(el, nodes) {
  const next = document.createElement(el.tagName);
  next.append(...nodes.flat(Infinity).filter(Boolean));
  patchChildren(el, next);
}

function patchChildren(old, next) {
  const wanted = [...next.childNodes];
  const keyed = new Map();
  for (const c of old.childNodes) {
    const key = keyOf(c);
    if (key) keyed.set(key, c);
  }
  let at = old.firstChild;
  for (const want of wanted) {
    const key = keyOf(want);
    let have = key ? keyed.get(key) : at;
    if (have && key && have !== at) old.insertBefore(have, at);
    if (have && !key && keyOf(have)) have = null; // that one is somebody else
    if (have && alike(have, want)) {
      patch(have, want);
      at = have.nextSibling;
    } else {
      old.insertBefore(want, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

const keyOf = (node) => node.dataset?.key;
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

// What the user, or the clock, has changed is left alone.
const own = { DETAILS: ['open'], INPUT: ['value'] };

function patch(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  const kept = own[old.nodeName] ?? [];
  for (const { name } of [...old.attributes]) {
    if (name !== 'style' && !next.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) {
    if (name !== 'style' && old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value);
  }
  if (old.style && old.style.cssText !== next.style.cssText && !old.dataset.clock) old.style.cssText = next.style.cssText;
  patchChildren(old, next);
}
