import { attemptsMax } from '../../src/orders/checkout-saga/transitions';
import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { operator, shop, type World } from './fixtures';
import { endOf, LedgerGateway, passTime, sagaOf } from './sagas';

type Declines = ConstructorParameters<typeof LedgerGateway>[0];

/** One order with its own stock and provider, driven step by step by the test. */
export class Checkout {
  private constructor(
    readonly world: World,
    readonly orderId: string,
    readonly sku: string,
    readonly gateway: LedgerGateway,
  ) {}

  static async start(
    world: World,
    {
      declines,
      onHand = 3,
      amount,
      quantity = 1,
      ...limits
    }: {
      declines?: Declines;
      onHand?: number;
      amount?: number;
      quantity?: number;
      unitsPerCustomerMax?: number;
    } = {},
  ) {
    const sku = await world.product({ onHand, amount, ...limits });
    const orderId = await world.order([{ sku, quantity }]);
    return new Checkout(world, orderId, sku, new LedgerGateway(declines));
  }

  /** A worker drives the saga once, if it is due. */
  drive(): Promise<boolean> {
    return this.world.runner({ gateway: this.gateway }).drive(this.orderId);
  }

  /** The same without the saga's backoff, with a provider that fails like this from now on. */
  async driveWhile(fails: LedgerGateway['fails']): Promise<this> {
    this.gateway.fails = fails;
    await passTime(this.world, this.orderId);
    await this.drive();
    return this;
  }

  /** The provider recovers, and time passes until the saga does nothing by itself. */
  async driveToItsEnd(): Promise<void> {
    do await this.driveWhile({});
    while ((await sagaOf(this.world, this.orderId)).nextRun !== 'never');
  }

  async spendAttempts(): Promise<this> {
    await this.world.rows(`UPDATE sagas SET attempt = $2::int WHERE order_id = $1`, [
      this.orderId,
      attemptsMax - 1,
    ]);
    return this;
  }

  /** Five workers died while they drove the saga. */
  async killWorkers(): Promise<this> {
    await this.world.rows(`UPDATE sagas SET sweeps = 6 WHERE order_id = $1`, [this.orderId]);
    return this.driveWhile({});
  }

  /** A worker dies during a call: the call may have arrived, the lease runs out, and the worker writes nothing. */
  async dieAsking(kind: 'authorize' | 'capture' | 'void' | 'refund'): Promise<this> {
    let asked = (): void => undefined;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const gateway = new LedgerGateway();
    const inner = this.gateway;
    const dies = (one: typeof kind) => async (request: never) => {
      if (one !== kind) return inner[one](request);
      asked();
      return new Promise<never>(() => undefined);
    };
    Object.assign(gateway, {
      authorize: dies('authorize'),
      capture: dies('capture'),
      void: dies('void'),
      refund: dies('refund'),
    });
    await passTime(this.world, this.orderId);
    void this.world.runner({ gateway }).drive(this.orderId);
    await asking;
    await passTime(this.world, this.orderId);
    return this;
  }

  async cancel(): Promise<this> {
    await this.world.orders.requestCancellation(this.orderId, 'cancel', `cancel-${this.orderId}`, shop);
    return this;
  }

  async refund(): Promise<this> {
    await this.world.orders.requestCancellation(this.orderId, 'refund', `refund-${this.orderId}`, shop);
    return this;
  }

  async act(act: SagaAction): Promise<this> {
    await this.world.sagaActions.perform(act, this.orderId, { reason: 'customer called' }, operator);
    return this;
  }

  saga() {
    return sagaOf(this.world, this.orderId);
  }

  async available(): Promise<number> {
    const { onHand, reserved } = await this.world.level(this.sku);
    return onHand - reserved;
  }

  /** The result: the order, its stock and the provider's money. */
  async end(): Promise<{ order: string; reservation: string; kept: number; setAside: number }> {
    const { order, reservation } = await endOf(this.world, this.orderId);
    return { order, reservation, ...this.gateway.moneyOf(this.orderId) };
  }
}
