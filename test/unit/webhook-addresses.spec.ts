import { isAllowedAddress, literalAddress } from '../../src/webhooks/endpoints/addresses';
import { newSecret, openSecret, sealSecret } from '../../src/webhooks/endpoints/secrets';
import { checkUrl } from '../../src/webhooks/endpoints/webhook-url';
import { loadConfig } from '../../src/config/config';

const production = { webhookAllowedNetworks: [], webhookHttpAllowed: false };

const reasonOf = (url: string, settings: Parameters<typeof checkUrl>[1] = production) => {
  try {
    checkUrl(url, settings);
    return 'allowed';
  } catch (error) {
    return (error as { facts: { reason: string } }).facts.reason;
  }
};

describe('the address of a webhook receiver', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '2606:4700::1111',
    // IPv4 written as IPv6 counts as what it is.
    '::ffff:8.8.8.8',
  ])('may be %s', (address) => expect(isAllowedAddress(address, [])).toBe(true));

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.8.9.1', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback, mapped'],
    ['::ffff:10.0.0.1', 'private, mapped'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.169.254', 'link-local, where clouds keep secrets'],
    ['100.64.0.1', 'shared by a carrier'],
    ['0.0.0.0', 'this host'],
    ['::', 'this host'],
    ['fe80::1', 'link-local'],
    ['fd00::1', 'unique local'],
    ['64:ff9b::7f00:1', 'translated to IPv4'],
    ['2002:7f00:1::', '6to4'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['shop.example', 'a name'],
  ])('may not be %s (%s)', (address) => expect(isAllowedAddress(address, [])).toBe(false));

  it('may be in a network that the operator allows', () => {
    const networks = ['10.1.0.0/16', '192.168.7.7', 'fd00::/8'];
    for (const address of ['10.1.2.3', '192.168.7.7', 'fd12::1', '::ffff:10.1.2.3'])
      expect([address, isAllowedAddress(address, networks)]).toEqual([address, true]);
    for (const address of ['10.2.0.1', '192.168.7.8', 'fe80::1'])
      expect([address, isAllowedAddress(address, networks)]).toEqual([address, false]);
  });
});

describe('the URL of a webhook endpoint', () => {
  it.each([
    'https://shop.example/hooks',
    'https://shop.example:8443/hooks?tenant=7',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
  ])('may be %s', (url) => expect(reasonOf(url)).toBe('allowed'));

  it.each([
    ['http://shop.example/hooks', 'scheme'],
    ['ftp://shop.example/', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['shop.example', 'malformed'],
    ['https://', 'malformed'],
    ['https://user:secret@shop.example/', 'credentials'],
    ['https://shop.example/#hooks', 'fragment'],
    [`https://shop.example/${'a'.repeat(2_048)}`, 'too_long'],
    ['https://127.0.0.1/', 'private_address'],
    ['https://2130706433/', 'private_address'],
    ['https://0x7f.1/', 'private_address'],
    ['https://0177.0.0.1/', 'private_address'],
    ['https://[::1]/', 'private_address'],
    ['https://[::ffff:127.0.0.1]/', 'private_address'],
    ['https://169.254.169.254/latest/meta-data', 'private_address'],
  ])('may not be %s: %s', (url, reason) => expect(reasonOf(url)).toBe(reason));

  it('may be without encryption in development, and in production where a network is allowed', () => {
    const { webhookAllowedNetworks, webhookHttpAllowed } = loadConfig({ DATABASE_URL: 'postgres://a@b/c' });
    expect(reasonOf('http://localhost:3000/', { webhookAllowedNetworks, webhookHttpAllowed })).toBe(
      'allowed',
    );
    expect(reasonOf('http://127.0.0.1:3000/', { webhookAllowedNetworks, webhookHttpAllowed })).toBe(
      'allowed',
    );
    const inside = { webhookAllowedNetworks: ['10.0.0.0/8'], webhookHttpAllowed: false };
    expect(reasonOf('http://10.1.2.3/', inside)).toBe('allowed');
    expect(reasonOf('http://11.1.2.3/', inside)).toBe('scheme');
  });

  it('has a literal address in every spelling', () => {
    expect(literalAddress(new URL('https://0x7f.1/'))).toBe('127.0.0.1');
    expect(literalAddress(new URL('https://[::1]/'))).toBe('::1');
    expect(literalAddress(new URL('https://shop.example/'))).toBeUndefined();
  });
});

describe('the secret of a webhook endpoint', () => {
  const [one, other, third] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];

  it('is encrypted, and opened by either key while the key changes', () => {
    const secret = newSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const sealed = sealSecret([one], secret);
    expect(sealed.includes(Buffer.from(secret.slice(6), 'base64'))).toBe(false);
    expect(sealSecret([one], secret).equals(sealed)).toBe(false);
    expect(openSecret([one], sealed)).toBe(secret);
    expect(openSecret([other, one], sealed)).toBe(secret);
    expect(() => openSecret([other, third], sealed)).toThrow(/HOLDFAST_SECRETS_KEY is not the key/);
    sealed[20]! ^= 1;
    expect(() => openSecret([one], sealed)).toThrow(/HOLDFAST_SECRETS_KEY/);
  });

  const key = Buffer.alloc(32, 7).toString('base64');
  const load = (env: NodeJS.ProcessEnv) => () => loadConfig({ DATABASE_URL: 'postgres://a@b/c', ...env });

  it('has a key that is refused in one line unless it is 32 bytes in base64', () => {
    expect(load({ HOLDFAST_SECRETS_KEY: key })().secretsKeys).toHaveLength(1);
    expect(load({ HOLDFAST_SECRETS_KEY: `${key},${key}` })().secretsKeys).toHaveLength(2);
    for (const wrong of ['short', Buffer.alloc(31).toString('base64'), `${key},${key},${key}`])
      expect(load({ HOLDFAST_SECRETS_KEY: wrong })).toThrow(/^HOLDFAST_SECRETS_KEY [^\n]+$/);
  });

  it('has a lease that outlasts a try', () => {
    expect(load({ WEBHOOK_LEASE_MS: '10000' })).toThrow(/^WEBHOOK_LEASE_MS is 10000, below [^\n]+$/);
    expect(load({ WEBHOOK_RETRY_SECONDS: '5,soon' })).toThrow(/^WEBHOOK_RETRY_SECONDS holds "soon"[^\n]+$/);
  });
});
