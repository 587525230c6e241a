// SPDX-License-Identifier: Apache-2.0
//
// What stands in the place of a view while the control plane does not know who asks, and who is signed in.
import {session} from './api.js';
import {h, replace} from './dom.js';
import {clock} from './time.js';

// `done()` once somebody is signed in.
export function signIn(error, done) {
  const token = h('input', {type: 'password', autocomplete: 'off', required: true, size: 44, 'aria-label': 'token'});
  const problem = h('p', {class_: 'sign-in-problem', role: 'alert'});
  const form =
    h('form', {
      class_: 'sign-in',
      onsubmit: async (event) => {
        event.preventDefault();
        problem.textContent = '';
        try {
          await session('POST', {token: token.value.trim()});
          done();
        } catch (refused) {
          problem.textContent = refused.code ? refused.message : 'the control plane does not answer';
          token.select();
        }
      }
    },
      token, h('button', {type: 'submit'}, 'Sign in'));
  const over = error.message.startsWith('the sign-in is over');
  return h(
    'div', {class_: 'state failed nobody', role: 'alert'}, h('h2', {}, over ? 'The sign-in is over' : 'Who is asking?'),
    h('p', {}, `${error.message[0].toUpperCase()}${error.message.slice(1)}.`),
    error.tokens && h('p', {}, 'Sign in with a token; it stays with this browser until it ends:'), error.tokens && form,
    problem,
    h('p', {class_: 'muted'}, error.tokens ? 'Or let' : 'Let', ' the browser show a client certificate of the ',
      'control plane\'s CA with the unit resetscope-reader or resetscope-operator, and load the page again.'));
}

// In the page's head: the name, and the way out of a sign-in. Nothing on the loopback, where nobody signs in.
export async function showUser(box, again) {
  let user = null;
  try {
    user = await session('GET');
  } catch { /* the view says so */
  }
  if (!user || user.by === 'local') return replace(box);
  const until = user.until ? `signed in until ${clock(user.until * 1000)} UTC` : `known by a ${user.by}`;
  replace(
    box, h('span', {class_: 'user', title: until}, user.name),
    user.until &&
      h('button', {
        type: 'button',
        class_: 'quiet',
        onclick: async () => {
          await session('DELETE').catch(() => {});
          again();
        }
      },
        'sign out'));
}
