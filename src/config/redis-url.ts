import type { Reader } from './settings-reader';

export interface RedisHost {
  host: string;
  port: number;
}

/** Where the queues' Redis is: one server, the nodes of a Cluster, or the Sentinels that know the present master. */
export type RedisAddress = (
  | { kind: 'single'; url: string }
  | { kind: 'cluster'; nodes: RedisHost[] }
  | { kind: 'sentinel'; sentinels: RedisHost[]; master: string; db: number }
) & { text: string; username?: string; password?: string; tls: boolean };

const portDefault = { cluster: 6379, sentinel: 26379 };

const examples = {
  single: 'redis://127.0.0.1:6379',
  cluster: 'redis+cluster://10.0.0.1:6379,10.0.0.2:6379,10.0.0.3:6379',
  sentinel: 'redis+sentinel://10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379/mymaster',
};

/** `rediss+cluster://user:password@host:port,host:port` and the like. Undefined: not set. */
export function readRedisUrl(read: Reader, name: string): RedisAddress | undefined {
  const text = read.text(name, '');
  if (text === '') return undefined;
  const [, tls, kind, rest = ''] = /^redis(s?)\+(cluster|sentinel):\/\/(.*)$/.exec(text) ?? [];
  if (kind === undefined) {
    const url = read.optionalUrl(name, ['redis:', 'rediss:'], examples.single)!;
    return { kind: 'single', url, text, tls: url.startsWith('rediss:') };
  }
  const form = kind as 'cluster' | 'sentinel';
  const refuse = (problem: string) => read.refuse(name, problem, examples[form]);
  const [, credentials, hosts = '', path = ''] = /^(?:([^/]*)@)?([^/@]*)(?:\/(.*))?$/.exec(rest) ?? [];
  const list = hosts.split(',').map((one) => hostOf(one, portDefault[form]));
  if (list.some((one) => one === undefined))
    return refuse('does not name hosts with their ports, separated by commas');
  const common = { text, tls: tls === 's', ...credentialsOf(credentials, refuse) };
  if (form === 'cluster') {
    if (path !== '')
      return refuse('names a database, and a Cluster has only one. Leave out what follows the hosts');
    return { kind: 'cluster', nodes: list as RedisHost[], ...common };
  }
  const [, master = '', db = '0'] = /^([\w.-]+)(?:\/(\d{1,3}))?$/.exec(path) ?? [];
  if (master === '') return refuse('does not name the master that the Sentinels watch, after a slash');
  return { kind: 'sentinel', sentinels: list as RedisHost[], master, db: Number(db), ...common };
}

function hostOf(text: string, portIfNone: number): RedisHost | undefined {
  const [, bracketed, name, port = String(portIfNone)] =
    /^(?:\[([\da-f:.]+)\]|([a-z\d][\w.-]*))(?::(\d{1,5}))?$/i.exec(text.trim()) ?? [];
  const host = bracketed ?? name;
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function credentialsOf(text: string | undefined, refuse: (problem: string) => never) {
  if (text === undefined) return {};
  const [username = '', ...password] = text.split(':');
  try {
    return {
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password.length > 0 && { password: decodeURIComponent(password.join(':')) }),
    };
  } catch {
    return refuse('has a user name or password that is not percent-encoded');
  }
}
