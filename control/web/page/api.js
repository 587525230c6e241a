// SPDX-License-Identifier: Apache-2.0
//
// The JSON mapping of query.proto: calls by POST, streams as server-sent events; and whether the control plane answers.

const kBase = '/api/v1/';
const kSlowMs = 30_000;
const kRetryMs = [500, 1000, 2000, 4000];  // while it is away; then always the last
const kPulseMs = 10_000;                   // between two looks when nobody asks anything

export class ApiError extends Error {
  // `tokens`: whether signing in with one would help.
  constructor(code, message, status, tokens = false) {
    super(message);
    this.code = code;
    this.status = status;
    this.tokens = tokens;
  }
  get away() { return this.status === 0 || this.code === 'UNAVAILABLE'; }
}

// Tells 'away' once when the control plane stops answering, 'back' once when it answers again; 'nobody' whenever it
// does not know who asks, with the error.
export const connection = Object.assign(new EventTarget(), {up: true, started: '', tries: 0});
let retry = 0;

function report(up) {
  if (up === connection.up) return;
  connection.up = up;
  connection.tries = 0;
  connection.dispatchEvent(new Event(up ? 'back' : 'away'));
  if (!up) plan();
}

function plan() {
  clearTimeout(retry);
  const wait = connection.up ? kPulseMs : kRetryMs[Math.min(connection.tries++, kRetryMs.length - 1)];
  retry = setTimeout(pulse, wait);
}

async function pulse() {
  try {
    if (!document.hidden || !connection.up) await call('GetServerInfo', {});
  } catch { /* reported */
  }
  plan();
}
export const startPulse = plan;
export const lost = () => report(false);

export async function call(name, request, signal) {
  let response, json;
  const slow = AbortSignal.timeout(kSlowMs + 5000);
  try {
    response = await fetch(kBase + name, {
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify(request),
      signal: signal ? AbortSignal.any([signal, slow]) : slow,
    });
    json = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error.name === 'TimeoutError')
      throw new ApiError('DEADLINE_EXCEEDED', 'no answer in time: choose a shorter range or a narrower filter', 504);
    report(false);
    throw new ApiError('UNAVAILABLE', 'the control plane does not answer', 0);
  }
  report(true);
  if (response.ok) return json;
  const error = new ApiError(json.code ?? 'UNKNOWN', json.message ?? response.statusText, response.status, json.tokens);
  if (error.code === 'UNAUTHENTICATED') connection.dispatchEvent(Object.assign(new Event('nobody'), {error}));
  throw error;
}

// Who the page's user is, and signing in and out; `method` of /session.
export async function session(method, body) {
  const response = await fetch('/session', {method, body: body && JSON.stringify(body)});
  const json = await response.json();
  if (!response.ok) throw new ApiError(json.code, json.message, response.status, json.tokens);
  return json;
}

// Calls `item` with each message until close() of what it returns. The browser resumes after the last item itself; a
// refused stream (a store that was replaced, say) starts anew without a place.
export function watch(name, request, item) {
  let source, closed = false, timer = 0;
  const open = () => {
    source = new EventSource(`${kBase}${name}?request=${encodeURIComponent(JSON.stringify(request))}`);
    source.onmessage = (event) => {
      report(true);
      item(JSON.parse(event.data));
    };
    source.addEventListener('failed', () => again(kRetryMs[1]));
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) again(kRetryMs[2]);
      call('GetServerInfo', {}).catch(() => {});
    };
  };
  const again = (after) => {
    source.close();
    clearTimeout(timer);
    if (!closed) timer = setTimeout(open, after);
  };
  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      source.close();
    }
  };
}
