import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import type { ShopEvent } from './api.js';
import { WebhookNotVerified } from './errors.js';

export type WebhookEvent =
  ShopEvent | (Omit<ShopEvent, 'type' | 'aggregateType'> & { type: 'webhook.test'; aggregateType: string });

type HeaderValues = Headers | Record<string, string | string[] | undefined>;

/**
 * The event of a webhook, if it is from Holdfast and not older than five minutes; throws `WebhookNotVerified` otherwise.
 * `rawBody`: the bytes as they came, not what a framework made of them. `secrets`: several while one replaces another.
 */
export function verifyWebhook(
  rawBody: string | Uint8Array,
  headers: HeaderValues,
  secrets: string | readonly string[],
): WebhookEvent {
  const body = typeof rawBody === 'string' ? rawBody : Buffer.from(rawBody).toString();
  const plain = plainHeaders(headers);
  let reason = 'no secret was given';
  for (const secret of [secrets].flat()) {
    const webhook = new Webhook(secret);
    try {
      return webhook.verify(body, plain) as WebhookEvent;
    } catch (error) {
      // A body that is signed and not JSON does not exist.
      if (!(error instanceof WebhookVerificationError)) throw error;
      reason = error.message;
    }
  }
  throw new WebhookNotVerified(
    `The webhook does not verify: ${reason}. Check the secret, the clock, and that the body is as it came.`,
  );
}

function plainHeaders(headers: HeaderValues): Record<string, string> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]])),
  );
}
