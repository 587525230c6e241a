// SPDX-License-Identifier: Apache-2.0
//
// Elements from data. Text enters the page as text nodes and nowhere else: what a network calls itself is hostile
// input.

const kSvg = 'http://www.w3.org/2000/svg';

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on'))
      element.addEventListener(name.slice(2), value);
    else if (name === 'style')
      Object.assign(element.style, value);
    else if (name === 'dataset')
      Object.assign(element.dataset, value);
    else if (name === 'value')
      element.value = value;
    else
      element.setAttribute(name === 'class_' ? 'class' : name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// h('a', {href, class_, onclick}, 'text', child, [children])
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => fill(document.createElementNS(kSvg, tag), props, children);

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// A link into the page, followed without a reload; see main.js.
export const link = (href, props, ...children) => h('a', {href, ...props}, ...children);
