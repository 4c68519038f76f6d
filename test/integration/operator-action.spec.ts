import { type OperatorRequest, operatorAction } from '../../src/audit-log/operator-action';
import { CommitUnknown, Database, type TransactionOptions, type Tx } from '../../src/database/database';
import type { TransactionName } from '../../src/failpoints';
import { newId } from '../../src/ids';
import { outcomeOf, createWorld, operator, type World } from '../support/fixtures';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterAll(() => world.close());

const request = (overrides: Partial<OperatorRequest> = {}): OperatorRequest => ({
  transaction: 'operator-action',
  actor: operator,
  reason: 'customer called',
  object: { type: 'order', id: newId() },
  ...overrides,
});
const once = (key: string | undefined) => ({ key, operation: 'test' });
const change = async () => ({ action: 'test.act', before: { on: false }, after: { on: true } });
const recorded = ({ object }: OperatorRequest) =>
  world.rows(
    `SELECT actor, action, object_type AS type, reason, before, after FROM admin_actions WHERE object_id = $1`,
    [object.id],
  );

/** Commits, then behaves as if the response to COMMIT was lost. */
class DeafOnce extends Database {
  private isDeaf = true;

  override async transaction<T>(
    name: TransactionName,
    work: (tx: Tx) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const result = await super.transaction(name, work, options);
    if (!this.isDeaf) return result;
    this.isDeaf = false;
    if (!options.rerunWhenCommitIsUnknown) throw new CommitUnknown(new Error('connection lost'));
    return this.transaction(name, work, options);
  }
}

describe('operatorAction', () => {
  it('records actor, action, reason, before and after', async () => {
    const asked = request();
    expect(await operatorAction(world.db, asked, change)).toEqual({ status: 'done' });
    expect(await recorded(asked)).toEqual([
      {
        actor: 'operator',
        action: 'test.act',
        type: 'order',
        reason: 'customer called',
        before: { on: false },
        after: { on: true },
      },
    ]);
  });

  it('acts once per key, and a replay returns the id that the first request made', async () => {
    const [key, resourceId] = [newId(), newId()];
    const asked = request({ once: { ...once(key), resourceId } });
    const act = jest.fn(change);
    await operatorAction(world.db, asked, act);
    const again = { ...asked, once: { ...once(key), resourceId: newId() } };
    expect(await operatorAction(world.db, again, act)).toEqual({ status: 'replayed', resourceId });
    expect(act).toHaveBeenCalledTimes(1);
    expect(await recorded(asked)).toHaveLength(1);
  });

  it('refuses a key that was used with another reason', async () => {
    const key = newId();
    await operatorAction(world.db, request({ once: once(key) }), change);
    const other = request({ once: once(key), reason: 'another reason' });
    expect(await outcomeOf(operatorAction(world.db, other, change))).toBe('idempotency_key_reused');
    expect(await recorded(other)).toEqual([]);
  });

  it('records nothing when nothing changes', async () => {
    const asked = request({ once: once(newId()) });
    expect(await operatorAction(world.db, asked, async () => undefined)).toEqual({ status: 'unchanged' });
    expect(await recorded(asked)).toEqual([]);
  });

  it('stores neither key nor record of a refused action', async () => {
    const asked = request({ once: once(newId()) });
    const refuse = () => Promise.reject(new Error('refused'));
    await expect(operatorAction(world.db, asked, refuse)).rejects.toThrow('refused');
    expect(await operatorAction(world.db, asked, change)).toEqual({ status: 'done' });
    expect(await recorded(asked)).toHaveLength(1);
  });

  it('is not a replay when it finds its own commit after a lost response', async () => {
    const asked = request({ once: once(newId()) });
    const act = jest.fn(change);
    expect(await operatorAction(new DeafOnce(world.dataSource), asked, act)).toEqual({ status: 'done' });
    expect(act).toHaveBeenCalledTimes(1);
    expect(await recorded(asked)).toHaveLength(1);
  });

  it('runs a second time without a key only if it is repeatable', async () => {
    const act = jest.fn(change);
    const deaf = () => new DeafOnce(world.dataSource);
    await expect(operatorAction(deaf(), request(), act)).rejects.toThrow('COMMIT was lost');
    expect(act).toHaveBeenCalledTimes(1);
    await operatorAction(deaf(), request({ isRepeatable: true }), act);
    expect(act).toHaveBeenCalledTimes(3);
  });
});
