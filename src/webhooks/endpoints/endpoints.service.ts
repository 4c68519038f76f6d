import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { operatorAction } from '../../audit-log/operator-action';
import type { Principal } from '../../auth/auth.guard';
import { CONFIG, type Config } from '../../config/config';
import { Database, type Tx, clockOf } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { pageBounds, pageOf } from '../../http/paging';
import { replayOf } from '../../idempotency/idempotency.repository';
import { newId, parsePublicId, publicId } from '../../ids';
import type { FeedKey } from '../../outbox/event-feed.repository';
import { cursorTooOld, readCursor } from '../../shop-events/event-cursor';
import { typesNamed } from '../../shop-events/event-types';
import { beforeMoment } from '../../shop-events/shop-feed.repository';
import { type Delivery, listDeliveries } from '../delivery/deliveries.repository';
import { lockEndpoint } from '../delivery/endpoint-claims.repository';
import { cancelReplay, insertReplay } from '../delivery/replays.repository';
import { deleteDeliveries, dueNow } from '../delivery/waiting.repository';
import { WebhookTests } from '../delivery/webhook-tests';
import type { DeliveriesQuery, EndpointChangeDto, NewEndpointDto, ReplayDto } from './endpoint.dto';
import {
  disabledByOperator,
  endpointDisabled,
  noSuchEndpoint,
  replayInProgress,
  tooManyEndpoints,
} from './endpoint.errors';
import { deliveryView } from './endpoint.responses';
import {
  type Endpoint,
  deleteEndpoint,
  disableEndpoint,
  enableEndpoint,
  findEndpoint,
  insertEndpoint,
  replaceSecret,
  someSecrets,
  updateEndpoint,
} from './endpoints.repository';
import { newSecret, openSecret, sealSecret } from './secrets';
import { checkUrl } from './webhook-url';

const endpointsMax = 16;
const overlapHoursDefault = 24;
const hourMs = 3_600_000;

/** Who acts on an endpoint: its shop, or an operator with a reason. */
export interface By {
  caller: Principal;
  key: string | undefined;
  /** An operator's, for the audit log. */
  reason?: string;
}

/** With its new secret, unless this was done before under the same key. */
export interface WithSecret {
  endpoint: Endpoint;
  secret?: string;
  replayed: boolean;
}

/** Webhook endpoints: what shops and operators do to them. Deliveries are made by the worker. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly tests: WebhookTests,
  ) {}

  /** A wrong key would fail every delivery: better one line at the start. */
  async onApplicationBootstrap(): Promise<void> {
    for (const secret of await someSecrets(this.db)) openSecret(this.config.secretsKeys, secret);
  }

  async create({ url, types, description }: NewEndpointDto, { caller, key }: By): Promise<WithSecret> {
    checkUrl(url, this.config);
    checkTypes(types);
    const id = newId();
    const secret = newSecret();
    const claim = {
      principal: caller.name,
      operation: 'webhook-endpoints',
      resourceId: id,
      request: { url, types, description },
    };
    const replayedId = await this.db.transaction(
      'operator-action',
      async (tx) => {
        const replayed = await replayOf(tx, key, claim);
        // Our own id: this is a second run, because the answer to our COMMIT was lost.
        if (replayed) return replayed === id ? undefined : replayed;
        const endpoint = {
          id,
          principal: caller.name,
          url,
          types: types?.includes('*') ? null : (types ?? null),
          description: description ?? null,
          secret: sealSecret(this.config.secretsKeys, secret),
        };
        if (!(await insertEndpoint(tx, endpoint, endpointsMax)))
          throw tooManyEndpoints(
            `This key has ${endpointsMax} webhook endpoints, the most that one key may have. Delete one that you no longer need.`,
          );
        return undefined;
      },
      { rerunWhenCommitIsUnknown: key !== undefined },
    );
    const endpoint = await this.get(replayedId ?? id, caller.name);
    return { endpoint, replayed: replayedId !== undefined, ...(replayedId ? {} : { secret }) };
  }

  /** `principal`: whose it must be; null: anybody's. */
  async get(id: string, principal: string | null): Promise<Endpoint> {
    const endpoint = await findEndpoint(this.db, id);
    if (!endpoint || (principal !== null && endpoint.principal !== principal)) throw noSuchEndpoint();
    return endpoint;
  }

  /** Newest first, a page at a time. */
  async deliveries(id: string, principal: string | null, query: DeliveriesQuery) {
    await this.get(id, principal);
    const { limit, after } = pageBounds(query);
    const { status = null, eventId: text } = query;
    // A malformed id has no deliveries.
    const eventId = text === undefined ? null : (parsePublicId('evt', text) ?? id);
    const found = await listDeliveries(this.db, { endpointId: id, status, eventId }, { limit, after });
    return pageOf(found, limit, (row) => row.id, deliveryView);
  }

  async change(id: string, change: EndpointChangeDto, by: By): Promise<void> {
    if (change.url !== undefined) checkUrl(change.url, this.config);
    checkTypes(change.types);
    await this.act({ id, action: 'change', asked: change }, by, async (tx, before) => {
      if (change.status === 'enabled' && before.disabledReason === 'by_operator' && by.reason === undefined)
        throw disabledByOperator(
          'An operator disabled it. Ask them to enable it; what happens meanwhile is kept, and sent then.',
        );
      const types = change.types?.includes('*') ? null : change.types;
      await updateEndpoint(tx, id, { url: change.url ?? null, types, description: change.description });
      if (change.status === 'enabled') await this.enable(tx, before);
      if (change.status === 'disabled' && before.status === 'enabled') await this.disable(tx, id, by);
    });
  }

  /** Goes on where it stopped; what waits is due at once. */
  private async enable(tx: Tx, { id, status }: Endpoint): Promise<void> {
    if (status === 'enabled') return;
    await enableEndpoint(tx, id);
    await dueNow(tx, id, await clockOf(tx));
  }

  private async disable(tx: Tx, id: string, { reason }: By): Promise<void> {
    await disableEndpoint(tx, id, reason === undefined ? 'by_owner' : 'by_operator');
    await cancelReplay(tx, id, await clockOf(tx));
  }

  /** An operator's switch. */
  async setStatus(id: string, status: 'enabled' | 'disabled', by: By): Promise<void> {
    await this.act({ id, action: status === 'enabled' ? 'enable' : 'disable' }, by, async (tx, before) => {
      if (status === 'enabled') await this.enable(tx, before);
      else await this.disable(tx, id, by);
    });
  }

  /** A try in flight ends; its result has nowhere to go. */
  async delete(id: string, by: By): Promise<void> {
    await this.act({ id, action: 'delete' }, by, async (tx) => {
      await deleteDeliveries(tx, id);
      await deleteEndpoint(tx, id);
    });
  }

  async rotateSecret(id: string, overlapHours: number = overlapHoursDefault, by: By): Promise<WithSecret> {
    const secret = newSecret();
    const { replayed } = await this.act(
      { id, action: 'rotate-secret', asked: { overlapHours } },
      by,
      async (tx) => {
        const now = await clockOf(tx);
        await replaceSecret(tx, id, {
          secret: sealSecret(this.config.secretsKeys, secret),
          previousEndsAt: new Date(now.getTime() + overlapHours * hourMs),
        });
      },
    );
    return { endpoint: await this.get(id, null), replayed, ...(replayed ? {} : { secret }) };
  }

  async test(id: string, by: By): Promise<Delivery> {
    if (by.reason === undefined) await this.get(id, by.caller.name);
    else await this.act({ id, action: 'test' }, by, () => Promise.resolve());
    const delivery = await this.tests.send(id);
    if (!delivery) throw noSuchEndpoint();
    return delivery;
  }

  async replay(id: string, { from, types, eventIds }: ReplayDto, by: By): Promise<{ replayed: boolean }> {
    if ((from === undefined) === (eventIds === undefined))
      throw new ValidationFailed({
        pointer: '/from',
        code: 'from_or_event_ids',
        detail: 'Give either from or eventIds, not both and not neither.',
      });
    checkTypes(types);
    const ids = eventIds?.map((text) => parsePublicId('evt', text) ?? newId()) ?? null;
    return this.act({ id, action: 'replay', asked: { from, types, eventIds } }, by, async (tx, endpoint) => {
      if (endpoint.status === 'disabled')
        throw endpointDisabled('It is disabled, so nothing is sent to it. Enable it first.');
      const now = await clockOf(tx);
      const start = from === undefined ? null : this.startOf(from, endpoint.principal, now);
      const made = await insertReplay(tx, {
        id: newId(),
        endpointId: id,
        from: start?.key ?? null,
        fromAt: start?.at ?? null,
        types: types ?? null,
        eventIds: ids,
      });
      if (!made)
        throw replayInProgress(
          `Replay ${publicId('rpl', endpoint.replay!.id)} is still running. Ask again when it is done.`,
        );
    });
  }

  private startOf(from: string, principal: string, now: Date): { key: FeedKey; at: Date } {
    const time = /^\d{4}-/.test(from) ? Date.parse(from) : undefined;
    const key =
      time === undefined || Number.isNaN(time) ? readCursor(principal, from).key : beforeMoment(time * 1_000);
    const at = new Date(key.createdMicros / 1_000);
    if (at > now)
      throw new ValidationFailed({
        pointer: '/from',
        code: 'in_the_future',
        detail: 'from is in the future. Give a time that has passed.',
      });
    const days = this.config.eventRetentionDays;
    if (key.createdMicros > 0 && now.getTime() - at.getTime() > days * 24 * hourMs)
      throw cursorTooOld(`Events are kept for ${days} days, and from is older. Give a later time.`);
    return { key, at };
  }

  /** Under the endpoint's lock: a shop's own change, or an operator's, which the audit log keeps. */
  private async act(
    { id, action, asked = {} }: { id: string; action: string; asked?: object },
    { caller, key, reason }: By,
    work: (tx: Tx, before: Endpoint) => Promise<void>,
  ): Promise<{ replayed: boolean }> {
    const isOperator = reason !== undefined;
    const locked = async (tx: Tx): Promise<Endpoint> => {
      await lockEndpoint(tx, id);
      const endpoint = await findEndpoint(tx, id);
      if (!endpoint || (!isOperator && endpoint.principal !== caller.name)) throw noSuchEndpoint();
      return endpoint;
    };
    if (isOperator) {
      const outcome = await operatorAction(
        this.db,
        {
          transaction: 'operator-action',
          actor: caller,
          reason,
          object: { type: 'webhook_endpoint', id: publicId('whe', id) },
          once: { key, operation: `webhook-endpoints/${action}`, request: { id, reason, ...asked } },
        },
        async (tx) => {
          const before = await locked(tx);
          await work(tx, before);
          const after = await findEndpoint(tx, id);
          return {
            action: `webhook_endpoint.${action.replaceAll('-', '_')}`,
            before: { status: before.status, disabledReason: before.disabledReason },
            after: after && { status: after.status, disabledReason: after.disabledReason },
          };
        },
      );
      return { replayed: outcome.status === 'replayed' };
    }
    const claim = {
      principal: caller.name,
      operation: `webhook-endpoints/${action}`,
      resourceId: newId(),
      request: { id, ...asked },
    };
    return this.db.transaction(
      'operator-action',
      async (tx) => {
        const replayed = await replayOf(tx, key, claim);
        if (replayed) return { replayed: replayed !== claim.resourceId };
        await work(tx, await locked(tx));
        return { replayed: false };
      },
      { rerunWhenCommitIsUnknown: key !== undefined },
    );
  }
}

/** Throws for names that are no types. `*` is all. */
function checkTypes(types: string[] | undefined): void {
  if (types && !types.includes('*')) typesNamed(types, (nth) => `/types/${nth}`);
}
