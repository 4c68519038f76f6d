import { newId, publicId } from '../../src/ids';
import { installationId } from '../../src/payment/installation';
import { createWorld, expectInvariants, shop, type World } from '../support/fixtures';
import { approvalOf, declinedCard, silence } from '../support/scripted-gateway';
import { endOf, passTime, sagaOf } from '../support/sagas';

/** The key and metadata of each request to the provider. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterAll(async () => {
  await expectInvariants(world);
  await world.close();
});
afterEach(() => world.gateway.expectSpoken());

async function drive(orderId: string): Promise<void> {
  await passTime(world, orderId);
  await world.runner().drive(orderId);
}

const requestCancellation = (orderId: string, by: 'cancel' | 'refund') =>
  world.orders.requestCancellation(orderId, by, newId(), shop);

/** All requests to the provider for an order, in order. */
const asked = (orderId: string) =>
  world.gateway.calls
    .map(({ request: { key, metadata } }) => ({ key, metadata }))
    .filter(({ metadata }) => metadata.orderId === publicId('ord', orderId));

interface Row {
  id: string;
  kind: string;
  status: string;
  number: number | null;
  providerKey: string | null;
}

const rowsOf = (orderId: string) =>
  world.rows<Row>(
    `SELECT id, kind, status, number, provider_key AS "providerKey" FROM payment_operations WHERE order_id = $1 ORDER BY id`,
    [orderId],
  );

/** `installation`: for sagas of code version 3, which name it. */
function purpose(orderId: string, kind: string, installation?: string) {
  const ord = publicId('ord', orderId);
  const metadata = { orderId: ord, kind, number: '1', ...(installation && { installation }) };
  return { key: `${ord}:${kind}:1`, metadata };
}

function row(orderId: string, { id }: Row) {
  const operationId = publicId('pay', id);
  return { key: operationId, metadata: { orderId: publicId('ord', orderId), operationId } };
}

type Kind = 'authorize' | 'capture' | 'void' | 'refund';

/** Drives an order to this request, which gets no response. */
const unheard: Record<Kind, (orderId: string) => Promise<void>> = {
  authorize: (orderId) => {
    world.gateway.expect('authorize', silence);
    return drive(orderId);
  },
  capture: (orderId) => {
    world.gateway.expect('authorize').expect('capture', silence);
    return drive(orderId);
  },
  void: (orderId) => {
    world.gateway.expect('authorize').expect('capture', declinedCard).expect('void', silence);
    return drive(orderId);
  },
  refund: async (orderId) => {
    world.gateway.expect('authorize').expect('capture');
    await drive(orderId);
    await requestCancellation(orderId, 'refund');
    world.gateway.expect('refund', silence);
    await drive(orderId);
  },
};
const kinds = Object.keys(unheard) as Kind[];

/** Continues with a working provider until nothing is in flight. */
async function heard(orderId: string, kind: Kind): Promise<void> {
  world.gateway.expect(kind);
  if (kind === 'authorize') world.gateway.expect('capture');
  await drive(orderId);
}

describe('an operation of an order that this build accepted', () => {
  it.each(kinds)('has a key made of its order, kind and number (%s)', async (kind) => {
    const orderId = await world.order();
    await unheard[kind](orderId);
    await heard(orderId, kind);

    const rows = await rowsOf(orderId);
    expect(rows).toMatchObject(
      rows.map((each) => ({ number: 1, providerKey: purpose(orderId, each.kind).key })),
    );
    expect(asked(orderId)).toContainEqual(purpose(orderId, kind, await installationId(world.db)));
    expect(new Set(asked(orderId).map(({ key }) => key)).size).toBe(rows.length);
  });

  it.each(kinds)('has the same key and metadata after the database lost it (%s)', async (kind) => {
    const orderId = await world.order();
    await unheard[kind](orderId);
    const forgotten = (await rowsOf(orderId)).at(-1)!;
    await world.rows(`DELETE FROM payment_operations WHERE id = $1`, [forgotten.id]);
    await world.rows(`UPDATE sagas SET attempt = 0 WHERE order_id = $1`, [orderId]);

    await heard(orderId, kind);

    expect((await rowsOf(orderId)).map(({ id }) => id)).not.toContain(forgotten.id);
    const same = purpose(orderId, kind, await installationId(world.db));
    expect(asked(orderId).filter(({ metadata }) => metadata.kind === kind)).toEqual([same, same]);
  });

  it('does not name the installation when the saga is of code version 2', async () => {
    const orderId = await world.order();
    await world.rows(`UPDATE sagas SET code_version = 2 WHERE order_id = $1`, [orderId]);
    await unheard.capture(orderId);
    await heard(orderId, 'capture');
    expect(asked(orderId)).toEqual([
      purpose(orderId, 'authorize'),
      purpose(orderId, 'capture'),
      purpose(orderId, 'capture'),
    ]);
  });
});

describe('an operation of an order that the previous build accepted', () => {
  /** As the previous build left it: a saga of code version 1, whose rows have no key. */
  const asLeftBehind = async (kind: Kind, status: 'sent' | 'unknown'): Promise<string> => {
    const orderId = await world.order();
    await world.rows(`UPDATE sagas SET code_version = 1 WHERE order_id = $1`, [orderId]);
    await unheard[kind](orderId);
    await world.rows(`UPDATE payment_operations SET status = $2 WHERE order_id = $1 AND kind = $3`, [
      orderId,
      status,
      kind,
    ]);
    return orderId;
  };

  it.each(kinds.flatMap((kind) => [[kind, 'sent'] as const, [kind, 'unknown'] as const]))(
    'is retried with its row’s id as the key (%s, %s)',
    async (kind, status) => {
      const orderId = await asLeftBehind(kind, status);
      await heard(orderId, kind);

      const rows = await rowsOf(orderId);
      expect(rows).toMatchObject(
        rows.map(() => ({ number: null, providerKey: null, status: /approved|declined/ })),
      );
      const own = rows.find((each) => each.kind === kind)!;
      expect(asked(orderId).filter(({ key }) => key === publicId('pay', own.id))).toEqual([
        row(orderId, own),
        row(orderId, own),
      ]);
    },
  );

  it.each<['void' | 'refund', () => Promise<string>]>([
    [
      'refund',
      async () => {
        const orderId = await asLeftBehind('capture', 'unknown');
        await heard(orderId, 'capture');
        await requestCancellation(orderId, 'refund');
        return orderId;
      },
    ],
    [
      'void',
      async () => {
        const orderId = await asLeftBehind('authorize', 'sent');
        await requestCancellation(orderId, 'cancel');
        world.gateway.expect('authorize');
        return orderId;
      },
    ],
  ])('has its row’s id as the key even if this build creates it (%s)', async (kind, begun) => {
    const orderId = await begun();
    world.gateway.expect(kind);
    await drive(orderId);

    const made = (await rowsOf(orderId)).at(-1)!;
    expect(made).toMatchObject({ kind, status: 'approved', number: null, providerKey: null });
    expect(asked(orderId).at(-1)).toEqual(row(orderId, made));
  });
});

describe('the result of an operation that the database lost during the call', () => {
  /** The operation of this call is gone; another worker has sent one in its place. */
  async function replace(orderId: string): Promise<void> {
    await world.rows(`UPDATE payment_operations SET id = $2 WHERE order_id = $1`, [orderId, newId()]);
  }

  it('is ignored, and the call is repeated with the same key', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', async (request) => {
        await replace(orderId);
        return approvalOf(request);
      })
      .expect('authorize')
      .expect('capture');
    await drive(orderId);

    expect(asked(orderId).map(({ key }) => key)).toEqual(
      ['authorize', 'authorize', 'capture'].map((kind) => purpose(orderId, kind).key),
    );
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('unpins no stock for which another worker is charging', async () => {
    const orderId = await world.order();
    world.gateway
      .expect('authorize', async () => {
        await replace(orderId);
        return { status: 'not-asked', detail: 'the circuit is open' };
      })
      .expect('authorize', silence);
    await drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'pending', reservation: 'pinned' });
    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', nextRun: 'waits' });
    await heard(orderId, 'authorize');
  });

  it('ends nothing twice if the new lease has the same fencing token', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', async (request) => {
      // The database as it was before the claim; then another worker claims the saga and places the order.
      await world.rows(`DELETE FROM payment_operations WHERE order_id = $1`, [orderId]);
      await world.rows(`DELETE FROM saga_transitions WHERE order_id = $1 AND version > 1`, [orderId]);
      await world.rows(
        `UPDATE sagas SET version = 1, attempt = 0, fencing_token = 0, lease_expires_at = NULL, lease_owner = NULL,
                            next_run_at = clock_timestamp() WHERE order_id = $1`,
        [orderId],
      );
      world.gateway.expect('authorize').expect('capture');
      await world.runner().drive(orderId);
      return approvalOf(request);
    });
    await world.runner().drive(orderId);

    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
    const placed = await world.rows(`SELECT FROM outbox WHERE aggregate_id = $1 AND type = 'order.placed'`, [
      orderId,
    ]);
    expect(placed).toHaveLength(1);
    expect((await sagaOf(world, orderId)).fencingToken).toBe(1);
  });
});
