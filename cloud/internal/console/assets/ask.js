// Buttons that change something ask first.

import { base } from './format.js';

const dialog = document.getElementById('ask');
const part = (name) => document.getElementById(`ask-${name}`);

// ask shows what a button is about to do, and does it when told to.
export function ask(button) {
  part('title').textContent = button.textContent;
  part('text').textContent = button.dataset.asks;
  part('error').textContent = '';
  const go = part('go');
  go.textContent = button.textContent;
  go.disabled = false;
  go.className = 'danger' in button.dataset ? 'danger' : 'main';
  go.onclick = async () => {
    go.disabled = true;
    const wrong = await change(button.dataset.do);
    if (!wrong) {
      dialog.close();
      return;
    }
    part('error').textContent = wrong;
    go.disabled = false;
  };
  dialog.showModal();
}

// change asks the cloud for a change and returns what is wrong, or nothing. The token is
// asked for each time: the cloud may have been started anew.
async function change(path) {
  try {
    const { token } = await (await fetch(base + 'api/about.json')).json();
    const answer = await fetch(base + 'api/' + path, { method: 'POST', headers: { 'X-Turnout-Token': token } });
    return answer.ok ? '' : (await answer.json()).message;
  } catch (e) {
    return `The cloud does not answer: ${e.message}`;
  }
}
