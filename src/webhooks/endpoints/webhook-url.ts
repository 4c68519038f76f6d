import { type Config } from '../../config/config';
import { isAllowedAddress, isAllowedNetwork, literalAddress } from './addresses';
import { webhookUrlNotAllowed } from './endpoint.errors';

const lengthMax = 2_048;

/**
 * Refuses a URL that can be seen not to do. Where a name leads is judged when it is connected to, each time: see
 * `addresses.ts`.
 */
export function checkUrl(
  text: string,
  {
    webhookAllowedNetworks: networks,
    webhookHttpAllowed,
  }: Pick<Config, 'webhookAllowedNetworks' | 'webhookHttpAllowed'>,
): void {
  const refuse = (reason: string, detail: string) => {
    throw webhookUrlNotAllowed(`${detail} Nothing was changed.`, { reason });
  };
  if (text.length > lengthMax) refuse('too_long', `It has more than ${lengthMax} characters.`);
  if (!URL.canParse(text))
    return refuse('malformed', 'It is no URL. Example: https://shop.example/webhooks.');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    refuse('scheme', `It begins with ${url.protocol}// and must begin with https://.`);
  if (url.username || url.password)
    refuse(
      'credentials',
      'It contains a user name or password. Webhooks are signed; check the signature instead.',
    );
  if (url.hash) refuse('fragment', 'It has a fragment (#…), which is never sent. Leave it out.');
  const address = literalAddress(url);
  const isPrivate = address !== undefined && !isAllowedAddress(address, networks);
  if (isPrivate)
    refuse(
      'private_address',
      `${address} is a private address, which this service does not call. Use a public one.`,
    );
  const isLocal = address !== undefined && isAllowedNetwork(address, networks);
  if (url.protocol === 'http:' && !webhookHttpAllowed && !isLocal)
    refuse('scheme', 'It begins with http:// and must begin with https://.');
}
