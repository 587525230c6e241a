// SPDX-License-Identifier: Apache-2.0
//
// The filter bar: completion while typing, the server's complaint in place with a mark under the column it names.
import {call} from './api.js';
import {h, replace} from './dom.js';
import {dimension, kFields, wordsOf} from './words.js';

const kOperators = ['=', '!=', 'in', '<', '<=', '>', '>='];
const kMost = 9;
const kToken = /"(?:\\.|[^"\\])*"?|[\w.:/@-]+|[<>!=]=?|[(),]/g;

// What may stand at the caret: {from, options: [{text, help}]}; `ask(field, typed)` gives a field's values in
// the data or in the names file.
export async function completions(text, caret, ask) {
  const before = text.slice(0, caret);
  const tokens = [...before.matchAll(kToken)].map((m) => ({text: m[0], at: m.index}));
  const last = tokens.at(-1);
  const open = last && last.at + last.text.length === caret && /[\w".]/.test(last.text.at(-1)) ? tokens.pop() : null;
  const typed = open?.text.replace(/^"/, '').toLowerCase() ?? '';
  const from = open?.at ?? caret;
  const [field, operator] = placeOf(tokens);
  let options;
  if (operator) {
    options = wordsOf(field).map((w) => ({text: w}));
    if (field.kind === 'yesno') options = [{text: 'yes'}, {text: 'no'}];
    if (field.kind === 'duration') options = ['1s', '30s', '1m', '5m', '1h'].map((t) => ({text: t}));
    if (field.values || field.names) options = await ask(field, typed);
  } else if (field) {
    options = (field.kind === 'word' && field.name !== 'severity' && field.name !== 'stage' || field.kind === 'text' ?
                 ['=', '!=', 'in'] :
                 field.kind === 'address' ? ['=', 'in', '!='] :
                                            kOperators)
                .map((t) => ({text: t}));
  } else {
    const joining = tokens.length > 0 && !['and', 'or', 'not', '('].includes(tokens.at(-1).text.toLowerCase());
    options = joining ?
      [{text: 'and'}, {text: 'or'}] :
      [...kFields.map((f) => ({text: f.name, help: f.help})), {text: 'not', help: 'the next test must not hold'}];
  }
  const starts = options.filter((o) => o.text.toLowerCase().startsWith(typed));
  const within = options.filter((o) => !starts.includes(o) && o.text.toLowerCase().includes(typed));
  const found = [...starts, ...within];
  return {from, options: found.length === 1 && found[0].text === typed ? [] : found.slice(0, kMost)};
}

// The field whose test is being written, and whether its operator stands already.
function placeOf(tokens) {
  for (let i = tokens.length - 1; i >= 0; --i) {
    const word = tokens[i].text.toLowerCase();
    const field = kFields.find((f) => f.name === word);
    if (!field) {
      if (word === 'and' || word === 'or') return [null, false];
      continue;
    }
    const rest = tokens.slice(i + 1).map((t) => t.text.toLowerCase());
    if (rest.length === 0) return [field, false];
    if (rest[0] === 'not') return rest[1] === 'in' ? [field, true] : [field, false];
    if (rest[0] === 'in' && rest[1] === '(')
      return rest.at(-1) === '(' || rest.at(-1) === ',' ? [field, true] : [null, false];
    return rest.length === 1 ? [field, true] : [null, false];
  }
  return [null, false];
}

export class FilterBar {
  // apply(text) when the user has finished; range(): of the page, for values in the data.
  constructor(apply, range) {
    this.apply = apply;
    this.range = range;
    this.known = new Map();
    this.input = h('input', {
      type: 'text',
      id: 'filter',
      class_: 'filter-input',
      spellcheck: 'false',
      autocomplete: 'off',
      'aria-label': 'filter',
      'aria-autocomplete': 'list',
      'aria-controls': 'filter-options',
      role: 'combobox',
      'aria-expanded': 'false',
      placeholder: 'Filter, e.g.  cause = port_closed and server_ip in 10.0.0.0/8',
      oninput: () => this.#complete(),
      onkeydown: (e) => this.#key(e),
      onblur: () => setTimeout(() => this.#close(), 150),
      onclick: () => this.#complete(),
      onfocus: () => this.#complete()
    });
    this.list = h('ul', {class_: 'options', id: 'filter-options', role: 'listbox', hidden: true});
    this.clear =
      h('button', {
        type: 'button',
        class_: 'quiet',
        title: 'Remove the filter',
        'aria-label': 'remove the filter',
        hidden: true,
        onclick: () => {
          this.input.value = '';
          this.apply('');
        }
      },
        '×');
    this.error = h('div', {class_: 'filter-error', role: 'alert', hidden: true});
    this.element =
      h('div', {class_: 'filter'}, h('div', {class_: 'filter-line'}, this.input, this.clear), this.list, this.error);
  }

  show(text) {
    if (document.activeElement !== this.input || this.shown !== text) this.input.value = text;
    this.shown = text;
    this.clear.hidden = text === '';
  }

  // The server's words; a column in them gets a mark.
  complain(message) {
    this.error.hidden = !message;
    this.input.setAttribute('aria-invalid', message ? 'true' : 'false');
    if (!message) return;
    const column = Number(/column (\d+)/.exec(message)?.[1] ?? 0);
    const text = this.shown ?? '';
    replace(
      this.error,
      column > 0 && h('div', {class_: 'mark'}, text.slice(0, column - 1), h('b', {}, text.slice(column - 1) || '␣')),
      h('div', {}, message.replace(/^filter, /, '')));
  }

  async #values(field, typed) {
    if (field.names) return this.#names(field, typed);
    const key = `${field.values} ${this.range()?.text ?? ''}`;
    if (!this.known.has(key))
      this.known.set(
        key,
        call('Top', {by: [dimension(field.values)], limit: 40, includeBenign: true})
          .then((top) => (top.rows ?? []).map((row) => ({text: valueOf(row.keys[0]), help: row.keys[0]})))
          .catch(() => []));
    return this.known.get(key);
  }

  #names(field, typed) {
    return call('ListNames', {field: field.name, part: typed, limit: 40})
      .then((list) => (list.values ?? []).map((text) => ({text})))
      .catch(() => []);
  }

  async #complete() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const {from, options} =
      await completions(this.input.value, this.input.selectionStart, (f, typed) => this.#values(f, typed));
    if (turn !== this.turn || document.activeElement !== this.input) return;
    this.from = from;
    this.options = options;
    this.chosen = -1;
    this.#paint();
  }

  #paint() {
    const any = this.options?.length > 0;
    this.list.hidden = !any;
    this.input.setAttribute('aria-expanded', String(any));
    replace(
      this.list,
      (this.options ?? [])
        .map(
          (option, i) =>
            h('li', {
              role: 'option',
              'aria-selected': String(i === this.chosen),
              class_: i === this.chosen ? 'chosen' : '',
              onmousedown: (e) => {
                e.preventDefault();
                this.#take(i);
              }
            },
              h('span', {}, option.text), option.help && option.help !== option.text && h('small', {}, option.help))));
  }

  #take(i) {
    const text = this.options[i].text, at = this.input.selectionStart;
    const written = /^[\w.:/@<>!=-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
    const rest = this.input.value.slice(at).replace(/^[\w.:/@-]+/, '');
    const gap = rest.startsWith(' ') || rest.startsWith(')') ? '' : ' ';
    this.input.value = this.input.value.slice(0, this.from) + written + gap + rest;
    const caret = this.from + written.length + 1;
    this.input.setSelectionRange(caret, caret);
    this.#complete();
  }

  #close() {
    this.options = [];
    this.turn = (this.turn ?? 0) + 1;
    this.#paint();
  }

  #key(event) {
    const n = this.options?.length ?? 0;
    if (event.key === 'ArrowDown' && n > 0)
      this.chosen = (this.chosen + 1) % n;
    else if (event.key === 'ArrowUp' && n > 0)
      this.chosen -= 1;
    else if (event.key === 'Tab' && n > 0 && !event.shiftKey)
      return event.preventDefault(), this.#take(Math.max(0, this.chosen));
    else if (event.key === 'Enter') {
      event.preventDefault();
      if (this.chosen >= 0 && n > 0) return this.#take(this.chosen);
      this.#close();
      return this.apply(this.input.value.trim());
    } else if (event.key === 'Escape') {
      if (n > 0) return this.#close();
      this.input.value = this.shown ?? '';
      return this.input.blur();
    } else
      return;
    event.preventDefault();
    if (this.chosen >= n || this.chosen < 0) this.chosen = event.key === 'ArrowUp' ? n - 1 : 0;
    this.#paint();
  }
}

const valueOf = (label) => /\(([^()\s]+)\)$/.exec(label)?.[1] ?? label;
