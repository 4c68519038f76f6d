import { randomUUID } from 'node:crypto';
import { sandboxSecretKey } from '../../src/config/config';
import { StripeGateway } from '../../src/payment/gateways/stripe.gateway';
import { purchaseParts } from '../bench-ratios';
import type { Site } from '../environment';
import { type Bench, at, level } from './measuring';
import { makeRow, throughPg } from './statements';

const providerCalls = 100;
/** New processes compile their code first. */
const warmUpMs = 5_000;
/** An order without trouble: claimed and authorization sent; authorized and capture sent; captured and placed. */
const sagaCommits = 3;

/** The parts of a lone buyer's purchase, each measured alone: what it would take if nothing had to wait for anything. */
export async function partsOfPurchase(bench: Bench): Promise<void> {
  await at(bench, { workers: 0 }, async (site) => {
    const { tally } = await level(bench, site, { name: 'an order taken alone', concurrency: 1, warmUpMs });
    const taken = tally.answers.percentile(0.5) ?? 0;
    const asked = await providerMs(site);
    await makeRow(site.service!.databaseUrl);
    const { byClients } = await throughPg(site.service!.databaseUrl, bench.args.seconds);
    const committed = 1_000 / byClients[1]!;
    bench.results.add(purchaseParts, taken + asked + sagaCommits * committed, 'ms', {
      'taken, ms': taken,
      'asked twice, ms': asked,
      'one commit, ms': committed,
    });
  });
}

/** Both calls for one charge, as the service makes them; the median. */
async function providerMs({ sandboxUrl }: Site): Promise<number> {
  const gateway = new StripeGateway({
    stripeApiUrl: sandboxUrl!,
    stripeSecretKey: sandboxSecretKey,
    paymentTimeoutMs: 5_000,
  });
  const amounts = { amount: 1_000, currency: 'EUR', account: null };
  const times: number[] = [];
  for (let call = 0; call < providerCalls; call++) {
    const metadata = { orderId: randomUUID() };
    const start = performance.now();
    const made = await gateway.authorize({
      ...{ key: randomUUID(), metadata, ...amounts },
      paymentMethod: 'pm_card_visa',
      options: {},
    });
    if (made.status !== 'approved') throw new Error(`The sandbox did not authorize: ${made.status}`);
    await gateway.capture({ key: randomUUID(), metadata, ...amounts, authorization: made.reference });
    times.push(performance.now() - start);
  }
  return times.sort((one, other) => one - other)[providerCalls / 2]!;
}
