import { isIP } from 'node:net';

/** A setting that cannot be used. Its message is one line: the variable, what is wrong, and an example. */
export class ConfigError extends Error {}

/** Reads settings from the environment and refuses what cannot be used. */
export class Reader {
  constructor(private readonly env: NodeJS.ProcessEnv) {}

  text(name: string, fallback: string): string {
    return this.env[name]?.trim() || fallback;
  }

  host(name: string, fallback: string): string {
    const host = this.text(name, fallback);
    if (!isHost(host))
      throw new ConfigError(
        `${name} is ${quoted(host)}, which is no IP address and no host name. Example: ${name}=0.0.0.0 (all interfaces) or ${name}=${fallback}`,
      );
    return host.replace(/^\[(.*)\]$/, '$1');
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const raw = this.env[name]?.trim();
    if (!raw) return fallback;
    const value = Number(raw);
    if (!/^-?\d+$/.test(raw) || value < min || value > max) {
      throw new ConfigError(
        `${name} is ${quoted(raw)}, not a whole number from ${min} to ${max}. Example: ${name}=${fallback}`,
      );
    }
    return value;
  }

  /** IP addresses and networks, with commas between them. */
  addresses(name: string): string[] {
    const list = this.text(name, '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
    const example = `Example: ${name}=10.0.0.0/8,192.168.1.7`;
    const wrong = list.find((one) => !isAddress(one));
    if (wrong !== undefined)
      throw new ConfigError(
        `${name} holds ${quoted(wrong)}, which is no IP address and no network. ${example}`,
      );
    const everybody = list.find(coversTheInternet);
    if (everybody !== undefined)
      throw new ConfigError(
        `${name} holds ${quoted(everybody)}, which trusts everybody: any caller could then claim any address. Name the addresses of your proxies. ${example}`,
      );
    return list;
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const raw = this.env[name]?.trim() || fallback;
    const value = values.find((known) => known === raw);
    if (value === undefined) {
      throw new ConfigError(
        `${name} is ${quoted(raw)}, none of ${values.join(', ')}. Example: ${name}=${fallback}`,
      );
    }
    return value;
  }

  secret(name: string, fallback: string | undefined, example: string): string {
    const value = this.env[name]?.trim() || fallback;
    if (!value)
      throw new ConfigError(
        `${name} is not set and has no default in production. Example: ${name}=${example}`,
      );
    if (!/^[\x21-\x7e]+$/.test(value)) {
      throw new ConfigError(
        `${name} holds characters that no header can carry (use visible ASCII). Example: ${name}=${example}`,
      );
    }
    return value;
  }

  url(name: string, fallback: string | undefined, protocols: string[], example: string): string {
    const url = this.optionalUrl(name, protocols, example) ?? fallback;
    if (!url)
      throw new ConfigError(`${name} is not set. Example: ${name}=${example} (npm start sets it for you)`);
    return url;
  }

  optionalUrl(name: string, protocols: string[], example: string): string | undefined {
    const raw = this.env[name]?.trim();
    if (!raw) return undefined;
    if (protocols.some((known) => raw.startsWith(`${known}//`)) && hasUnencodedCredentials(raw)) {
      throw new ConfigError(
        `${name} cannot be read: its user name or password holds a character that a URL must write encoded (# as %23, / as %2F, ? as %3F, @ as %40, : as %3A, % as %25). Encode the password with: node -p "encodeURIComponent('…')"`,
      );
    }
    const protocol = URL.canParse(raw) ? new URL(raw).protocol : undefined;
    if (!protocol || !protocols.includes(protocol)) {
      // The value is not repeated: a URL may carry a password.
      throw new ConfigError(
        `${name} is not a URL that starts with ${protocols.join('// or ')}//. Example: ${name}=${example}`,
      );
    }
    return raw;
  }
}

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

/**
 * A user name or password with a character that means something in a URL. Such a URL often parses, with the wrong host;
 * or it does not parse at all.
 */
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
