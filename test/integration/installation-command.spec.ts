import { publicId } from '../../src/ids';
import { Installation } from '../../src/payment/installation';
import { runCommand } from '../support/command';
import { type World, createWorld } from '../support/fixtures';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const installation = (...args: string[]) =>
  runCommand('dist/payment/installation-command.js', args, { DATABASE_URL: world.config.databaseUrl });

const stored = async () =>
  publicId('ins', (await world.row<{ id: string }>(`SELECT id FROM installation`)).id);

describe('npm run installation', () => {
  it('show prints the id that the migration made', async () => {
    expect(await installation('show')).toEqual({ code: 0, stdout: `${await stored()}\n`, stderr: '' });
  });

  it('P30: renew replaces the id and says why and what to restart', async () => {
    const [before, running] = [await stored(), new Installation(world.db)];
    expect(await running.id()).toBe(before);
    const { code, stdout, stderr } = await installation('renew');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${await stored()}\n` });
    expect(await stored()).not.toBe(before);
    expect(stderr).toContain(before);
    expect(stderr).toMatch(/copy must not void authorizations of the original/);
    expect(stderr).toMatch(/Restart every API and worker/);
    // A process keeps the id it began with; the next one has the new id.
    expect(await running.id()).toBe(before);
    expect(await new Installation(world.db).id()).toBe(await stored());
  });

  it.each([
    ['nothing', [], 'There is no command.'],
    ['an unknown command', ['forget'], 'There is no command "forget".'],
    ['one argument too many', ['renew', 'now'], '"now" is one argument too many for renew.'],
  ])('refuses %s: says what is wrong, then the usage', async (_what, args, reason) => {
    const before = await stored();
    const { code, stdout, stderr } = await installation(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toBe(reason);
    expect(stderr).toContain('Usage:');
    expect(await stored()).toBe(before);
  });
});

describe('Installation.id', () => {
  it('is asked for again after the database failed', async () => {
    let calls = 0;
    const failsOnce = {
      rows: async (sql: string) => {
        if (++calls === 1) throw new Error('the database is away');
        return world.rows(sql);
      },
    };
    const own = new Installation(failsOnce as never);
    await expect(own.id()).rejects.toThrow('the database is away');
    expect(await own.id()).toBe(await stored());
    expect(await own.id()).toBe(await stored());
    expect(calls).toBe(2);
  });
});
