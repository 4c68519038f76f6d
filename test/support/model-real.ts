import { newId } from '../../src/ids';
import type { SagaRunner } from '../../src/orders/checkout-saga/saga-runner';
import { storeProviderEvents } from '../../src/payment/webhooks/provider-events.repository';
import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { outcomeOf, operator, shop, type World } from './fixtures';
import type { ModelOrder } from './model-order';
import { ModelProvider, type Word } from './model-provider';
import type { Demand, ModelRequest, ModelReservation, ModelShop } from './model-shop';
import { passTime } from './sagas';

type Thing = ModelReservation | ModelOrder;

/** The real shop, to compare with the model: the same actions by the real services, and all of its state. */
export class RealShop {
  readonly provider = new ModelProvider();
  private readonly runner: SagaRunner;
  private readonly ids = new Map<Thing, string>();
  private readonly asleep: { wake: () => void; driven: Promise<unknown> }[] = [];

  constructor(readonly world: World) {
    this.runner = world.runner({ gateway: this.provider });
  }

  idOf(thing: Thing): string {
    const id = this.ids.get(thing);
    if (!id) throw new Error('The model has something that the shop does not have.');
    return id;
  }

  /** `ok`, `replayed` if the same key made it before, or the refusal's code. */
  async ask(request: ModelRequest, body: unknown = request.lines): Promise<string> {
    const { key, customer: customerId, lines, on, made } = request;
    let answer = { id: '', replayed: false };
    const refused = await outcomeOf(
      (async () => {
        const claim = this.world.claim(request.for === 'order' ? 'orders' : 'reservations', key, body);
        if (request.for === 'order') {
          const reservationId = on ? this.idOf(on) : null;
          const checkout = this.world.checkout(on ? [] : lines, { claim, customerId, reservationId });
          const { orderId, replayed } = await this.world.intake.accept(checkout);
          answer = { id: orderId, replayed };
        } else {
          const wanted = { ...this.world.reservationRequest(lines, { customerId }), id: claim.resourceId };
          answer = await this.world.reservations.create(wanted, claim);
        }
      })(),
    );
    if (refused !== 'ok') return refused;
    if (made && !this.ids.has(made)) this.ids.set(made, answer.id);
    if (made && this.ids.get(made) !== answer.id) return `another ${request.for}`;
    return answer.replayed ? 'replayed' : 'ok';
  }

  change(reservation: ModelReservation, by: 'extend' | 'confirm' | 'release' | 'force-release') {
    const [id, { reservations }] = [this.idOf(reservation), this.world];
    if (by === 'extend') return outcomeOf(reservations.extend(id, 900, shop));
    if (by === 'force-release')
      return outcomeOf(reservations.forceRelease(id, { reason: 'called' }, operator));
    return outcomeOf(reservations[by](id, shop));
  }

  /** Sent twice with one key: the second time it is a replay, or refused as before. */
  async changeLines(reservation: ModelReservation, lines: Demand[]): Promise<string[]> {
    const [id, key] = [this.idOf(reservation), newId()];
    const first = await outcomeOf(this.world.change(id, lines, { key }));
    let replayed = false;
    const again = await outcomeOf(
      this.world.change(id, lines, { key }).then((done) => ({ replayed } = done)),
    );
    return [first, replayed ? 'replayed' : again];
  }

  requestCancellation(order: ModelOrder, by: 'cancel' | 'refund', key: string): Promise<string> {
    return outcomeOf(this.world.orders.requestCancellation(this.idOf(order), by, key, shop));
  }

  perform(order: ModelOrder, act: 'retry' | 'compensate' | 'resolve'): Promise<string> {
    return outcomeOf(this.world.sagaActions.perform(act, this.idOf(order), { reason: 'called' }, operator));
  }

  passTime(order: ModelOrder): Promise<void> {
    return passTime(this.world, this.idOf(order));
  }

  /** A webhook for the order, which is not driven at once, as if the worker had died. */
  async hearNews(order: ModelOrder): Promise<void> {
    const { db } = this.world;
    const event = {
      id: newId(),
      type: 'news',
      providerReference: null,
      orderId: this.idOf(order),
      rawBody: '{}',
      stripeAccount: null,
    };
    await storeProviderEvents(db, [event]);
    const nobody = { drive: async () => false } as unknown as SagaRunner;
    await new ProviderEventWorker(db, nobody).sweep();
  }

  /** True: the worker fell asleep. */
  async drive(order: ModelOrder, script: Word[]): Promise<boolean> {
    this.provider.script = [...script];
    return this.untilAtRest(this.runner.drive(this.idOf(order)));
  }

  async wake(nth: number): Promise<boolean> {
    const [{ wake, driven }] = this.asleep.splice(nth, 1) as [{ wake: () => void; driven: Promise<unknown> }];
    this.provider.script = [];
    const rest = this.untilAtRest(driven);
    wake();
    return rest;
  }

  private async untilAtRest(driven: Promise<unknown>): Promise<boolean> {
    const wake = await Promise.race([driven.then(() => undefined), this.provider.asleep()]);
    if (wake) this.asleep.push({ wake, driven });
    return wake !== undefined;
  }

  /** Every object of the model in a word each, by the tables and by the model. */
  async compare(model: ModelShop): Promise<void> {
    const rows = await this.world.rows<{ id: string; state: string; reservationId: string | null }>(
      everything,
      [[...model.onHand.keys()]],
    );
    const reservationOf = new Map(rows.map(({ id, reservationId }) => [id, reservationId]));
    for (const order of model.orders) this.ids.set(order.reservation, reservationOf.get(this.idOf(order))!);

    const expected = [
      ...[...model.onHand].map(
        ([sku, onHand]) => `${sku} ${onHand} on hand, ${model.reserved(sku)} reserved`,
      ),
      ...model.reservations.map(
        (one) => `${this.idOf(one)} ${model.isDue(one) ? 'due' : one.state} ${linesOf(one)}`,
      ),
      ...model.orders.map((order) => `${this.idOf(order)} ${order.state}`),
    ];
    expect(rows.map(({ id, state }) => `${id} ${state}`).sort()).toEqual(expected.sort());
  }
}

const linesOf = ({ lines }: ModelReservation) =>
  [...lines]
    .map(([sku, quantity]) => `${sku}×${quantity}`)
    .sort()
    .join(', ');

const everything = `
  SELECT sku AS id, on_hand || ' on hand, ' || reserved || ' reserved' AS state, NULL AS "reservationId"
    FROM stock_levels WHERE sku = ANY ($1::text[])
   UNION ALL
  SELECT r.id::text,
         CASE WHEN r.status = 'active' AND r.expires_at <= clock_timestamp() THEN 'due'
              WHEN r.returned_at IS NOT NULL THEN 'returned' ELSE r.status END || ' ' ||
         (SELECT string_agg(l.sku || '×' || l.quantity, ', ' ORDER BY l.sku)
            FROM reservation_lines l WHERE l.reservation_id = r.id), NULL
    FROM reservations r
   WHERE EXISTS (SELECT FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = ANY ($1::text[]))
   UNION ALL
  SELECT o.id::text, o.status || coalesce(' (' || o.rejection_reason || ')', ''), o.reservation_id::text
    FROM orders o
   WHERE EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id AND l.sku = ANY ($1::text[]))`;
