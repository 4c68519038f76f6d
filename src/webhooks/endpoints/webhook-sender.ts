import http from 'node:http';
import https from 'node:https';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { CONFIG, type Config } from '../../config/config';
import {
  AddressNotAllowed,
  guardedLookup,
  isAllowedAddress,
  isAllowedNetwork,
  literalAddress,
} from './addresses';
import { openSecret } from './secrets';

export interface WebhookRequest {
  url: string;
  eventId: string;
  body: string;
  /** All sign: two while one replaces the other. */
  secrets: string[];
  headers?: Record<string, string>;
}

export type DeliveryError =
  | 'timeout'
  | 'address_not_allowed'
  | 'name_not_found'
  | 'connection_refused'
  | 'tls_failed'
  | 'connection_failed';

/** What came of one try. A status of 2xx is taken. */
export interface Tried {
  status: number | null;
  error: DeliveryError | null;
  durationMs: number;
}

export const wasTaken = ({ status }: Tried): boolean => status !== null && status >= 200 && status < 300;

/** What of an answer is read, so that the connection can be used again. The rest is not wanted. */
const answerBytesMax = 4_096;
const freeSocketsMax = 4;

/**
 * Sends webhooks as the Standard Webhooks specification (standardwebhooks.com) has it: signed for each try over the bytes
 * that are sent. Follows no redirects, connects to allowed addresses only, and gives up after WEBHOOK_TIMEOUT_MS in all.
 */
@Injectable()
export class WebhookSender implements OnModuleDestroy {
  private readonly agents: { 'http:': http.Agent; 'https:': https.Agent };

  constructor(@Inject(CONFIG) private readonly config: Config) {
    const options = { keepAlive: true, maxFreeSockets: freeSocketsMax };
    this.agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };
  }

  onModuleDestroy(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** The secrets of an endpoint that sign now. */
  openSecrets({
    secret,
    previousSecret,
    previousSecretEndsAt,
    now,
  }: {
    secret: Buffer;
    previousSecret: Buffer | null;
    previousSecretEndsAt: Date | null;
    now: Date;
  }): string[] {
    const isPreviousGood =
      previousSecret !== null && previousSecretEndsAt !== null && previousSecretEndsAt > now;
    const sealed = isPreviousGood ? [secret, previousSecret] : [secret];
    return sealed.map((one) => openSecret(this.config.secretsKeys, one));
  }

  async send(request: WebhookRequest): Promise<Tried> {
    const startedAt = performance.now();
    const took = () => Math.round(performance.now() - startedAt);
    try {
      const status = await this.post(request);
      return { status, error: null, durationMs: took() };
    } catch (error) {
      return { status: null, error: nameOf(error as Error), durationMs: took() };
    }
  }

  private post({ url: text, eventId, body, secrets, headers }: WebhookRequest): Promise<number> {
    const url = new URL(text);
    const at = new Date();
    const isAllowed = (address: string) => this.isAllowed(address, url.protocol);
    const literal = literalAddress(url);
    if (literal !== undefined && !isAllowed(literal)) throw new AddressNotAllowed(literal);
    const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
    return new Promise((resolve, reject) => {
      const request = (protocol === 'https:' ? https : http).request(url, {
        method: 'POST',
        agent: this.agents[protocol],
        lookup: guardedLookup(isAllowed),
        signal: AbortSignal.timeout(this.config.webhookTimeoutMs),
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'Holdfast',
          'webhook-id': eventId,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
          'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(eventId, at, body)).join(' '),
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        // The answer's head decides. What comes after it is read a little, and never waited for.
        resolve(response.statusCode!);
        let bytes = 0;
        response.on('error', () => undefined);
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) response.destroy();
        });
      });
      request.end(body);
    });
  }

  /** Without encryption only to networks that the operator allows, unless this is a development machine. */
  private isAllowed(address: string, protocol: string): boolean {
    const { webhookAllowedNetworks: networks, webhookHttpAllowed } = this.config;
    if (protocol === 'http:' && !webhookHttpAllowed) return isAllowedNetwork(address, networks);
    return isAllowedAddress(address, networks);
  }
}

function nameOf(error: Error & { code?: string }): DeliveryError {
  if (error instanceof AddressNotAllowed) return 'address_not_allowed';
  if (error.name === 'TimeoutError' || error.name === 'AbortError' || error.code === 'ETIMEDOUT')
    return 'timeout';
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return 'name_not_found';
  if (error.code === 'ECONNREFUSED') return 'connection_refused';
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/.test(error.code ?? '')) return 'tls_failed';
  return 'connection_failed';
}
