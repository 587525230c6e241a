// SPDX-License-Identifier: Apache-2.0
//
// What the page knows about query.proto: dimensions, metrics, fields of the filter language, and how a line of a
// heatmap becomes a filter. The vocabulary itself is generated from the proto file.
import {enums} from './vocabulary.js';

const names = (name, prefix) => enums[name].map((value) => value.slice(prefix.length).toLowerCase());
export const vocabulary = {
  cause: names('Cause', 'CAUSE_'),
  family: names('Family', 'FAMILY_'),
  origin: names('Origin', 'ORIGIN_'),
  stage: names('Stage', 'STAGE_'),
  ending: names('Ending', 'ENDING_'),
  severity: names('Severity', 'SEVERITY_'),
  claimed_sender: names('Side', 'SIDE_'),
};

export const kDimensions = {
  time: 'time',
  service: 'service',
  server_ip: 'server',
  server_network: 'server network',
  client_ip: 'client',
  client_network: 'client network',
  site: 'site',
  cause: 'cause',
  family: 'family',
  origin: 'origin',
  stage: 'stage',
  sensor: 'sensor',
  idle_time: 'silence before the end',
  severity: 'severity',
  port: 'server port',
  ending: 'ending',
};
export const dimension = (name) => `DIMENSION_${name.toUpperCase()}`;

export const kMetrics = {
  endings: {text: 'all endings', unit: 'endings'},
  resets: {text: 'resets', unit: 'resets'},
  refused: {text: 'refused', unit: 'refused'},
  timed_out: {text: 'timed out', unit: 'timed out'},
  per_1000_connections: {text: 'per 1,000 connections', unit: 'per 1,000'},
  lost_bytes: {text: 'bytes lost', unit: 'bytes'},
};
export const metric = (name) => `METRIC_${name.toUpperCase()}`;

// Field, what it takes, one line of help. `values`: the dimension whose greatest lines are offered; `names`: offered is
// what the names file has.
export const kFields = [
  {name: 'client_ip', kind: 'address', help: 'address or network of the client', values: 'client_ip'},
  {name: 'server_ip', kind: 'address', help: 'address or network of the server', values: 'server_ip'},
  {name: 'ip', kind: 'address', help: 'of either end', values: 'server_ip'},
  {name: 'client_port', kind: 'number', help: 'port of the client'},
  {name: 'server_port', kind: 'number', help: 'port of the server', values: 'port'},
  {name: 'port', kind: 'number', help: 'port of either end', values: 'port'},
  {name: 'site', kind: 'text', help: 'of the server, from the names file', names: true},
  {name: 'service', kind: 'text', help: 'of the server, from the names file', names: true},
  {name: 'owner', kind: 'text', help: 'of the server, from the names file', names: true},
  {name: 'role', kind: 'text', help: 'of the server: client, server or proxy', names: true},
  {name: 'client_site', kind: 'text', help: 'of the client, from the names file', names: true},
  {name: 'client_service', kind: 'text', help: 'of the client, from the names file', names: true},
  {name: 'client_owner', kind: 'text', help: 'of the client, from the names file', names: true},
  {name: 'client_role', kind: 'text', help: 'of the client: client, server or proxy', names: true},
  {name: 'cause', kind: 'word', help: 'why it ended'},
  {name: 'second_cause', kind: 'word', help: 'the next best cause', words: 'cause'},
  {name: 'family', kind: 'word', help: 'family of the cause'},
  {name: 'origin', kind: 'word', help: 'who really sent it'},
  {name: 'stage', kind: 'word', help: 'how far the connection had come'},
  {name: 'ending', kind: 'word', help: 'what the application was told'},
  {name: 'severity', kind: 'word', help: 'benign < notice < problem < hostile'},
  {name: 'claimed_sender', kind: 'word', help: 'whose address the reset bears'},
  {name: 'sensor', kind: 'text', help: 'name of the sensor', values: 'sensor'},
  {name: 'confidence', kind: 'number', help: 'of the cause, 0 to 1'},
  {name: 'count', kind: 'number', help: 'endings folded into one row'},
  {name: 'idle', kind: 'duration', help: 'silence before the end: 500ms, 30s, 5m, 1h'},
  {name: 'server_name', kind: 'text', help: 'name the client asked for (SNI, Host)'},
  {name: 'one_sided', kind: 'yesno', help: 'only one direction was seen'},
  {name: 'midstream', kind: 'yesno', help: 'the connection\'s start was not seen'},
  {name: 'tag', kind: 'number', help: 'VLAN or tunnel number'},
];
export const wordsOf = (field) => vocabulary[field.words ?? field.name] ?? [];

const quote = (text) => (/^[\w.:/@-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`);

// "payments (10.7.3.9:5432)", "10.7.3.9:5432", "[2001:db8::1]:443" -> {ip, port}
export function addressOf(label) {
  const bare = /\(([^()\s]+)\)$/.exec(label)?.[1] ?? label;
  const v6 = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(bare);
  if (v6) return {ip: v6[1], port: v6[2]};
  const v4 = /^(\d+\.\d+\.\d+\.\d+)(?::(\d+))?$/.exec(bare);
  if (v4) return {ip: v4[1], port: v4[2]};
  return /^[0-9a-fA-F:.]+$/.test(bare) ? {ip: bare} : null;
}

// Lower bounds of silence go up in nine steps a decade: where the one of this label ends, in seconds.
export function idleEnd(seconds) {
  if (seconds < 1) return 1;
  return seconds + 10 ** Math.floor(Math.log10(seconds) + 1e-9);
}

// The filter that a line of a dimension stands for; null when there is none ("other", time).
export function termOf(dimensionName, label) {
  switch (dimensionName) {
    case 'service': {
      const a = addressOf(label);
      return a?.port ? `server_ip = ${a.ip} and server_port = ${a.port}` : null;
    }
    case 'server_ip':
    case 'client_ip': {
      const a = addressOf(label);
      return a ? `${dimensionName} = ${a.ip}` : null;
    }
    case 'server_network':
      return `server_ip in ${label}`;
    case 'client_network':
      return `client_ip in ${label}`;
    case 'port':
      return `server_port = ${label}`;
    case 'site':
      return label === '(no site)' ? 'site = ""' : `site = ${quote(label)}`;
    case 'sensor':
      return `sensor = ${quote(label)}`;
    case 'idle_time': {
      const from = Number.parseFloat(label);
      return `idle >= ${from}s and idle < ${idleEnd(from)}s`;
    }
    case 'cause':
    case 'family':
    case 'origin':
    case 'stage':
    case 'severity':
    case 'ending':
      return `${dimensionName} = ${label}`;
    default:
      return null;
  }
}

// Joins filters that must all hold; what has an "or" outside of brackets is put into brackets.
export const allOf = (...filters) => {
  const parts = filters.map((f) => f?.trim()).filter(Boolean);
  return parts.length < 2 ?
    parts.join('') :
    [...new Set(parts)].map((f) => (/\bor\b|\|\|/i.test(f) && !/^\([^()]*\)$/.test(f) ? `(${f})` : f)).join(' and ');
};
