import { openShop } from '../support/shop';
import { until } from '../support/until';
import { openBrowser, spaced, untilSays, type Visit } from './support';

describe('Overview page', () => {
  const shop = openShop({ queue: 'postgres' });
  const browser = openBrowser(shop);
  let sku: string;

  beforeAll(async () => {
    sku = await shop.product(12);
    await shop.placed(sku, 3);
    await shop.reserved(sku, 2);
    await shop.order({ lines: [{ sku, quantity: 99 }] });
  });

  const open = async (): Promise<Visit> => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/');
    await visit.untilLive();
    return visit;
  };
  const grouped = (value: number): string => spaced(value.toLocaleString('en').replaceAll(',', ' '));

  /** Reads page and API until neither changed in between. */
  const same = (what: string, wrong: () => Promise<string[]>): Promise<unknown> =>
    until(what, async () => {
      const differences = await wrong();
      if (differences.length > 0) throw new Error(differences.join('; '));
      return true;
    });

  it('shows the same numbers as the API', async () => {
    const visit = await open();
    await same('every number of the page is the API’s', async () => {
      const { body } = await shop.viewer.get('/v1/admin/overview');
      const text = await visit.text('main');
      const { units, rates, steps, promises, queues } = body;
      const expected: Record<string, string> = {
        confirmed: `Confirmed sold, not yet shipped ${grouped(units.confirmed)}`,
        pinned: `Pinned charge in flight, cannot expire ${grouped(units.pinned)}`,
        active: `back within 60 s if unpaid ${grouped(units.active)}`,
        available: `Available can be reserved now ${grouped(units.available)}`,
        'on hand': `all SKUs, ${grouped(units.onHand)}`,
        'in flight': `${grouped(steps.inFlight)} now, by step`,
        placed: `Orders placed ${grouped(rates.ordersPlaced.today.orders)}`,
        'the product': sku,
        held: `${promises.held} of ${promises.total} promises hold`,
        workers: `${queues.queues[0].workersAlive} alive`,
      };
      const flat = `${await visit.text('header')} ${text}`.replaceAll(/\s+/g, ' ');
      return Object.entries(expected)
        .filter(([, words]) => !flat.includes(words))
        .map(([name, words]) => `${name}: no “${words}”`);
    });
    expect(visit.complaints).toEqual([]);
    expect(visit.foreign).toEqual([]);
  });

  it('updates without a reload when an order is placed', async () => {
    const visit = await open();
    const { body: before } = await shop.viewer.get('/v1/admin/overview');
    await shop.placed(sku, 1);
    const sold = grouped(before.units.confirmed + 1);
    await until('one unit more is sold on the page', async () =>
      (await visit.text('main')).replaceAll(/\s+/g, ' ').includes(`sold, not yet shipped ${sold}`),
    );
  });

  it('audits every promise on "Audit now" and shows when that was', async () => {
    const visit = await open();
    await visit.page.getByRole('button', { name: 'Audit now' }).click();
    await untilSays(visit, /audited \d\.\d s ago/, '#promises');
    await untilSays(
      visit,
      'Nothing oversold, no customer charged without an order, no order placed without a charge.',
    );
  });

  it('shows a broken promise first, with the violating rows', async () => {
    const broken = await shop.product(4);
    await shop.query('UPDATE stock_levels SET reserved = reserved + 1 WHERE sku = $1', [broken]);
    try {
      const visit = await open();
      await visit.page.getByRole('button', { name: 'Audit now' }).click();
      await untilSays(visit, /\d+ of \d+ promises broken/, 'header');
      await untilSays(visit, broken, '#promises');
      await visit.page.locator('#promises').getByRole('link', { name: broken }).waitFor();
    } finally {
      await shop.query('UPDATE stock_levels SET reserved = reserved - 1 WHERE sku = $1', [broken]);
      await shop.viewer.get('/v1/admin/invariants');
    }
  });

  it('can be reached from any page with the keyboard', async () => {
    const visit = await browser.visit({ role: 'viewer' });
    await visit.go('/queues');
    await visit.untilLive();
    await visit.page.keyboard.press('g');
    await visit.page.keyboard.press('o');
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await visit.page.keyboard.press('?');
    await visit.page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await visit.page.keyboard.press('Escape');
    await visit.page.keyboard.press('/');
    await visit.page.keyboard.type(sku);
    await visit.page.getByRole('option', { name: new RegExp(sku) }).waitFor();
    await visit.page.keyboard.press('Enter');
    await visit.page.waitForURL(`**/products/${sku}`);
  });
});
