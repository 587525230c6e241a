// SPDX-License-Identifier: Apache-2.0
//
// One ending, explained: the sentence, what was said on the wire, what speaks for the verdict and against it, the
// second guess, and what to check first.
import {call} from '../api.js';
import {h, link, replace} from '../dom.js';
import {bytes, count, endpoint, endpointName, percent, plural, spaced, word} from '../format.js';
import {causeOf, chip, copyButton, originOf, panel, severityOf} from '../parts.js';
import {sequence} from '../sequence.js';
import {address, itemOf} from '../state.js';
import {duration, moment, rangeText, secondsOf, timeOf} from '../time.js';

const kAround = 300_000;  // ms on each side of an ending, for "what else happened"

export function make() {
  const element = h('div', {class_: 'view event'});

  let shown = '';
  async function load(state, signal, {refresh = false} = {}) {
    const answer = await call('Why', {eventId: itemOf(state.path)}, signal);
    const found = answer.explanations?.[0], text = JSON.stringify(answer);
    if (refresh && text === shown) return;  // live: what is being read or copied stays
    shown = text;
    if (!found) throw Object.assign(new Error('no such ending'), {code: 'NOT_FOUND'});
    const {event: e, advice, second} = found;
    replace(
      element, headline(e, advice),
      h('div', {class_: 'grid-event'},
        h('div', {class_: 'column'}, panel('On the wire', sequence(e)), connectionFacts(e), sightings(e)),
        h('div', {class_: 'column'}, evidence(e), secondGuess(e, second, found.margin ?? 0), checks(advice),
          elsewhere(e))));
  }

  return {element, load, title: () => 'Ending'};
}

function headline(e, advice) {
  const at = timeOf(e.time), revised = word(e.revisedCause, 'CAUSE_');
  return h(
    'div', {class_: 'panel headline'},
    h('p', {class_: 'muted'}, link(address('/endings'), {}, 'Endings'), ` / ${e.id}`),
    h('h1', {class_: 'sentence'}, e.summary ?? ''),
    h('div', {class_: 'chips'}, chip(severityOf(e), severityOf(e)), chip(spaced(causeOf(e)), 'strong'),
      chip(`${percent(e.confidence ?? 0)} sure`), chip(`sent by: ${spaced(originOf(e))}`),
      chip(`stage: ${spaced(word(e.stage, 'STAGE_'))}`), chip(spaced(word(e.ending, 'ENDING_'))),
      Number(e.count ?? 1) > 1 && chip(plural(e.count, 'connection')),
      e.oneSided && chip('only one direction was seen', 'caveat'),
      e.midstream && chip('its start was not seen', 'caveat'),
      e.clientGuessed && chip('who is the client is a guess', 'caveat'),
      e.lossy && chip('the sensor lost packets', 'caveat')),
    h('p', {class_: 'muted'}, `${moment(at)} UTC · `, h('span', {class_: 'mono'}, endpoint(e.client)), ' → ',
      h('span', {class_: 'mono'}, endpoint(e.server)), e.server?.name && ` (${endpointName(e.server)})`,
      e.serverName && ` · asked for “${e.serverName}”`, ` · seen by ${e.sensor ?? 'a sensor'}`),
    advice?.meaning && h('p', {}, advice.meaning),
    e.revisedReason &&
      h('p', {class_: 'note'}, h('b', {}, `In the light of the rest: ${spaced(revised)}. `), e.revisedReason, ' ',
        e.rootEventId && link(address(`/event/${e.rootEventId}`), {}, 'the ending behind it')),
    e.incidentId &&
      h('p', {class_: 'note'}, 'Part of an incident: ',
        link(address(`/incident/${e.incidentId}`), {}, spaced(word(e.incidentKind, 'INCIDENT_KIND_'))), '.'));
}

function evidence(e) {
  const facts = [...(e.evidence ?? [])].sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  const most = Math.max(1, ...facts.map((f) => Math.abs(f.weight ?? 0)));
  return panel(
    'What speaks for it, and against',
    facts.length === 0 ?
      h('p', {class_: 'muted'}, 'No single fact decided.') :
      h('ul', {class_: 'evidence'},
        facts.filter((f) => f.weight)
          .map(
            (f) =>
              h('li', {title: `${f.name} = ${f.value ?? 0}`},
                h('span', {class_: `weight ${f.weight < 0 ? 'against' : 'for'}`},
                  h('i', {style: {width: `${Math.abs(f.weight) / most * 100}%`}})),
                h('span', {class_: 'number'}, `${f.weight < 0 ? '−' : '+'}${Math.abs(f.weight).toFixed(2)}`),
                h('span', {}, f.text ?? f.name)))),
    facts.some((f) => !f.weight) &&
      h('details', {},
        h('summary', {}, `${plural(facts.filter((f) => !f.weight).length, 'more fact')} that decided nothing`),
        h('ul', {class_: 'plain'},
          facts.filter((f) => !f.weight)
            .map((f) => h('li', {title: `${f.name} = ${f.value ?? 0}`}, f.text ?? f.name)))),
    h('p', {class_: 'muted small'}, 'Weights are natural log-odds for this cause against all others.'),
    (e.meanings ?? []).length > 0 &&
      h('p', {}, 'What the ends said last: ', e.meanings.map((m) => [h('code', {}, m), ' '])));
}

function secondGuess(e, second, margin) {
  if (!e.secondCause || !(e.secondConfidence > 0))
    return panel('Second guess', h('p', {class_: 'muted'}, 'None: nothing else fits what was seen.'));
  return panel(
    'Second guess',
    h('p', {}, h('b', {}, spaced(word(e.secondCause, 'CAUSE_'))),
      `, ${percent(e.secondConfidence)} sure; ${
        margin < 0.15 ? 'close: treat both as possible.' : `${Math.round(margin * 100)} points behind.`}`),
    second?.meaning && h('p', {class_: 'muted'}, second.meaning));
}

function checks(advice) {
  if (!advice) return null;
  return panel(
    'What to check first', advice.whoseSide && h('p', {}, h('b', {}, 'Whose side: '), advice.whoseSide),
    (advice.checkFirst ?? [])
      .map((text) => h('div', {class_: 'command'}, h('pre', {}, text), copyButton(commandOf(text)))),
    advice.usualFix && h('p', {}, h('b', {}, 'Usual fix: '), advice.usualFix),
    advice.confusedWith && h('p', {class_: 'muted'}, h('b', {}, 'Easily confused with: '), advice.confusedWith));
}
// Comment lines explain; the rest is to be run.
const commandOf = (text) => text.split('\n').filter((l) => !l.trim().startsWith('#')).join('\n').trim() || text;

function connectionFacts(e) {
  const rows = [
    ['from the client', `${plural(e.clientPackets ?? 0, 'packet')}, ${bytes(e.clientBytes)}`],
    ['from the server', `${plural(e.serverPackets ?? 0, 'packet')}, ${bytes(e.serverBytes)}`],
    secondsOf(e.idle) > 0 && ['silence before the end', duration(secondsOf(e.idle))],
    secondsOf(e.rttClient) > 0 && ['round trip to the client', duration(secondsOf(e.rttClient))],
    secondsOf(e.rttServer) > 0 && ['round trip to the server', duration(secondsOf(e.rttServer))],
    Number(e.lostBytes ?? 0) > 0 && ['bytes in flight, lost', bytes(e.lostBytes)],
    e.rstCount > 0 && ['resets', count(e.rstCount)],
    e.networkTag > 0 && ['VLAN or tunnel', String(e.networkTag)],
    ['sender by its address', word(e.claimedSender, 'SIDE_')],
    ['Zeek', word(e.zeekState ?? 'ZEEK_STATE_OTH', 'ZEEK_STATE_').toUpperCase()],
    ['Cloudflare', spaced(word(e.cloudflareStage ?? 'CLOUDFLARE_STAGE_NO_MATCH', 'CLOUDFLARE_STAGE_'))],
    e.linuxReason && ['likely Linux reset reason', word(e.linuxReason, 'LINUX_REASON_')],
  ].filter(Boolean);
  return panel(
    'The connection', h('dl', {class_: 'facts'}, rows.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
    (e.exemplars ?? []).length > 0 &&
      h('details', {}, h('summary', {}, `${plural(e.exemplars.length, 'example')} of ${count(e.count)}`),
        h('ul', {},
          e.exemplars.map((x) => h('li', {class_: 'mono'}, `${moment(timeOf(x.time))} ${endpoint(x.client)}`)))));
}

function sightings(e) {
  if (!(e.sightings ?? []).length && !e.location) return null;
  return panel(
    'Seen by several sensors', e.location && h('p', {}, e.location.text),
    h('ul', {},
      (e.sightings ?? [])
        .map(
          (s) =>
            h('li', {}, h('b', {}, s.sensor),
              `: ${spaced(word(s.cause, 'CAUSE_'))}, sent by ${spaced(word(s.origin, 'ORIGIN_'))}, ${
                percent(s.confidence ?? 0)} sure${s.rstTtl ? `, TTL ${s.rstTtl}` : ''}`))));
}

function elsewhere(e) {
  const at = timeOf(e.time), around = {r: rangeText(at - kAround, at + kAround), live: null};
  const server = `server_ip = ${e.server.ip} and server_port = ${e.server.port ?? 0}`;
  return panel(
    'What else happened',
    h('p', {class_: 'links'},
      link(address('/endings', {...around, q: server}), {class_: 'button'}, 'this service, five minutes around'),
      link(
        address('/endings', {...around, q: `ip = ${e.client.ip}`}), {class_: 'button'},
        'this client, five minutes around'),
      link(
        address('/heatmap', {x: 'time', y: 'cause', q: server}), {class_: 'button'},
        'this service, causes over time')));
}
