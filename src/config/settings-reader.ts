import { isIP } from 'node:net';

/** A setting that cannot be used. The message is one line: the name, what is wrong, and an example. */
export class ConfigError extends Error {}

interface Range {
  min: number;
  max: number;
}

interface Style {
  /** What stands before a name: nothing for environment variables, `--` for arguments. */
  prefix: string;
  ErrorClass: new (message: string) => Error;
}

/**
 * Reads settings from the environment, and arguments from a command line (arguments.ts), and refuses what cannot be used.
 * An empty environment variable counts as unset, because Compose files pass those; an empty argument is a wrong value.
 */
export class Reader {
  constructor(
    private readonly values: Record<string, string | undefined>,
    private readonly style: Style = { prefix: '', ErrorClass: ConfigError },
  ) {}

  text(name: string, fallback: string): string {
    return this.raw(name) || fallback;
  }

  integer<F extends number | undefined>(name: string, fallback: F, range: Range): number | F {
    return this.number(name, fallback, range, 'whole number');
  }

  number<F extends number | undefined>(
    name: string,
    fallback: F,
    { min, max }: Range,
    kind = 'number',
  ): number | F {
    const raw = this.raw(name);
    if (raw === undefined) return fallback;
    const isNumber = kind === 'number' ? raw !== '' : /^-?\d+$/.test(raw);
    const value = Number(raw);
    if (isNumber && value >= min && value <= max) return value;
    return this.refuse(name, `is ${quoted(raw)}, not a ${kind} from ${min} to ${max}`, fallback ?? min);
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const raw = this.raw(name) ?? fallback;
    const value = values.find((known) => known === raw);
    return value ?? this.refuse(name, `is ${quoted(raw)}, none of ${values.join(', ')}`, fallback);
  }

  /** Some of the values, with commas between them. */
  someOf<T extends string>(name: string, values: readonly T[], fallback: readonly T[]): readonly T[] {
    const list = this.list(name);
    const wrong = list.find((one) => !values.some((known) => known === one));
    if (wrong !== undefined)
      this.refuse(name, `holds ${quoted(wrong)}, none of ${values.join(', ')}`, values.slice(0, 2).join());
    return list.length > 0 ? (list as T[]) : fallback;
  }

  /** A day, from midnight UTC, or an instant with its zone. Undefined: not given. */
  date(name: string): Date | undefined {
    const raw = this.raw(name);
    if (raw === undefined) return undefined;
    const date = new Date(raw);
    const [day = ''] = raw.split('T');
    const hasZone = raw === day || /(Z|[+-]\d\d:\d\d)$/.test(raw);
    const exists = ![date, new Date(`${day}T00:00:00Z`)].some((one) => Number.isNaN(one.getTime()));
    if (/^20\d\d-\d\d-\d\d$/.test(day) && exists && hasZone && isOnCalendar(day)) return date;
    return this.refuse(name, `is ${quoted(raw)}, which is no day and no instant with a zone`, '2026-11-20');
  }

  list(name: string): string[] {
    return this.text(name, '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
  }

  host(name: string, fallback: string): string {
    const host = this.text(name, fallback);
    if (!isHost(host))
      this.refuse(
        name,
        `is ${quoted(host)}, which is no IP address and no host name`,
        `0.0.0.0 (all interfaces) or ${name}=${fallback}`,
      );
    return host.replace(/^\[(.*)\]$/, '$1');
  }

  /** IP addresses and networks, with commas between them. */
  addresses(name: string): string[] {
    const list = this.list(name);
    const example = '10.0.0.0/8,192.168.1.7';
    const wrong = list.find((one) => !isAddress(one));
    if (wrong !== undefined)
      this.refuse(name, `holds ${quoted(wrong)}, which is no IP address and no network`, example);
    const everybody = list.find(coversTheInternet);
    if (everybody !== undefined)
      this.refuse(
        name,
        `holds ${quoted(everybody)}, which trusts everybody: any caller could then claim any address. Name the addresses of your proxies`,
        example,
      );
    return list;
  }

  secret(name: string, fallback: string | undefined, example: string): string {
    return this.checkedSecret(name, this.raw(name) ?? fallback, example);
  }

  private checkedSecret(name: string, value: string | undefined, example: string): string {
    if (!value) return this.refuse(name, 'is not set and has no default in production', example);
    if (!/^[\x21-\x7e]+$/.test(value))
      this.refuse(name, 'holds characters that no header can carry (use visible ASCII)', example);
    return value;
  }

  /** One secret, or several with commas between them while one replaces another. */
  secrets(name: string, fallback: string | undefined, example: string): string[] {
    const list = this.list(name);
    if (list.length === 0 && this.raw(name) !== undefined)
      return this.refuse(name, 'holds nothing but commas', example);
    return (list.length > 0 ? list : [fallback]).map((one) => this.checkedSecret(name, one, example));
  }

  url(name: string, fallback: string | undefined, protocols: string[], example: string): string {
    const url = this.optionalUrl(name, protocols, example) ?? fallback;
    return url ?? this.refuse(name, 'is not set', `${example} (npm start sets it for you)`);
  }

  optionalUrl(name: string, protocols: string[], example: string): string | undefined {
    const raw = this.raw(name);
    if (raw === undefined) return undefined;
    if (protocols.includes('postgres:') && hasSeveralHosts(raw))
      this.refuse(
        name,
        'names several hosts, and we connect to one. Use an address that follows the primary: a proxy (HAProxy, PgBouncer), a virtual IP or a DNS name',
        example,
      );
    if (protocols.some((known) => raw.startsWith(`${known}//`)) && hasUnencodedCredentials(raw))
      throw new this.style.ErrorClass(
        `${this.style.prefix}${name} cannot be read: its user name or password holds a character that a URL must write encoded (# as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25). Encode the password with: node -p "encodeURIComponent('…')"`,
      );
    const protocol = URL.canParse(raw) ? new URL(raw).protocol : '';
    // The value is not repeated: a URL may carry a password.
    if (!protocols.includes(protocol))
      this.refuse(name, `is not a URL that starts with ${protocols.join('// or ')}//`, example);
    return raw;
  }

  refuse(name: string, problem: string, example: string | number): never {
    const { prefix, ErrorClass } = this.style;
    throw new ErrorClass(`${prefix}${name} ${problem}. Example: ${prefix}${name}=${example}`);
  }

  private raw(name: string): string | undefined {
    const value = this.values[name]?.trim();
    return value === '' && this.style.prefix === '' ? undefined : value;
  }
}

/** `Date` reads 30 February as 2 March. */
const isOnCalendar = (day: string) => new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);

/** `10.0.0.7`, `10.0.0.0/8` or the like of IPv6. */
function isAddress(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const bitsMax = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && bitsMax > 0 && /^\d{1,3}$/.test(bits ?? '0') && Number(bits ?? 0) <= bitsMax;
}

/** A network wider than any private one (10.0.0.0/8, fc00::/7), or all of IPv4 as IPv6 writes it. */
function coversTheInternet(text: string): boolean {
  const [address = '', bits] = text.split('/');
  if (bits === undefined) return false;
  const bitsMin = isIP(address) === 4 ? 8 : /^(::|(0+:){5})ffff:/i.test(address) ? 96 + 8 : 7;
  return Number(bits) < bitsMin;
}

/** An IP address, also in brackets, or a name; not a URL, and no port beside it. */
const isHost = (text: string) =>
  isIP(text.replace(/^\[(.*)\]$/, '$1')) !== 0 || /^(?!.*\.\.)[a-z\d]([\w.-]{0,252}[a-z\d.])?$/i.test(text);

/** `a:5432,b:5432` as libpq understands it, also as `?host=a,b`. */
function hasSeveralHosts(raw: string): boolean {
  const [, authority = ''] = /^\w+:\/\/([^/?#]*)/.exec(raw) ?? [];
  const hosts = authority.slice(authority.lastIndexOf('@') + 1);
  return hosts.includes(',') || /[?&]host=[^&]*(?:,|%2C)/i.test(raw);
}

/** A user name or password with a character that means something in a URL: it may still parse, with the wrong host. */
function hasUnencodedCredentials(raw: string): boolean {
  if (!raw.includes('@')) return false;
  if (!URL.canParse(raw)) return true;
  const url = new URL(raw);
  if (url.hash || url.pathname.includes('@') || (!url.username && url.search.includes('@'))) return true;
  try {
    decodeURIComponent(url.username);
    decodeURIComponent(url.password);
    return false;
  } catch {
    return true;
  }
}

const quoted = (value: string) => JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
