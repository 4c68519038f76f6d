import { type WireResponse, Connections, headerOf } from '../sandbox/wire';
import { type Plan, type Purchase, cards, requestOf } from './plan';
import { type Tally, addTo } from './tally';

/** As often as a buyer orders again after 503 or silence. */
const triesMax = 30;
const connectionsMax = 100;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What buyers do for the payment of an accepted order: another card, or 3-D Secure in their browser. */
export class Payer {
  private readonly sandbox: Connections | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly tally: Tally,
    silenceMsMax: number,
  ) {
    const { sandboxUrl } = plan;
    if (sandboxUrl !== undefined)
      this.sandbox = new Connections(new URL(sandboxUrl), connectionsMax, silenceMsMax);
  }

  close(): void {
    this.sandbox?.close();
  }

  async pay(purchase: Purchase, answer: WireResponse, target: Connections): Promise<void> {
    const { order, ...body } = bodyOf(answer);
    const { id, payment } = order ?? body;
    if (id === undefined) return;
    if (purchase.then!.act === 'second-card') {
      if (answer.status === 402 && body.mayTryAnotherCard) await this.payAgain(id, purchase.key, target);
      return;
    }
    if (payment?.status === 'requires_action') await this.authenticate(id, purchase.then!, target);
  }

  private async payAgain(id: string, key: string, target: Connections): Promise<void> {
    const { clientKey } = this.plan;
    const request = { clientKey, key: `${key}-second`, body: { payment: { method: cards.good } } };
    const answer = await this.insist(target, requestOf('POST', `/v1/orders/${id}/payments`, request));
    if (answer && answer.status < 300) this.tally.secondCards.push(id);
    else this.note('a second card', answer);
  }

  /** As Stripe.js does it: by the secret of the intent, at the provider. */
  private async authenticate(
    id: string,
    { act, thinkMs }: { act: string; thinkMs?: number },
    target: Connections,
  ): Promise<void> {
    await pause(thinkMs ?? 0);
    if (act === 'walk-away') return addTo(this.tally.secured, 'walked away');
    const { clientKey } = this.plan;
    const next = await this.insist(target, requestOf('GET', `/v1/orders/${id}/next-action`, { clientKey }));
    if (next?.status === 404) return addTo(this.tally.secured, 'came too late');
    const intentId = next && bodyOf(next).clientSecret?.split('_secret_')[0];
    if (intentId === undefined) return this.note('a next action', next);
    const path = `/sandbox/payment_intents/${intentId}/authenticate`;
    const request = requestOf('POST', path, { clientKey, body: { outcome: 'success' } });
    const done = await this.insist(this.sandbox!, request);
    addTo(this.tally.secured, done?.status === 200 ? 'authenticated' : 'came too late');
  }

  /** Undefined: no answer but 503 or silence. */
  private async insist(target: Connections, request: string): Promise<WireResponse | undefined> {
    for (let tries = 1; tries <= triesMax; tries++) {
      const answer = await target.send(request).catch(() => undefined);
      if (answer && answer.status !== 503 && answer.status !== 429) return answer;
      await pause(1_000 * Number((answer && headerOf(answer, 'retry-after')) ?? 1));
    }
    return undefined;
  }

  private note(what: string, answer: WireResponse | undefined): void {
    this.tally.count('unexpected', 0);
    this.tally.note(
      `${what}: ${answer ? `${answer.status} ${answer.body.toString('utf8', 0, 500)}` : 'no answer'}`,
    );
  }
}

interface Body {
  id?: string;
  payment?: { status: string };
  mayTryAnotherCard?: boolean;
  clientSecret?: string;
  order?: Pick<Body, 'id' | 'payment'>;
}

function bodyOf({ body }: WireResponse): Body {
  try {
    return JSON.parse(body.toString()) as Body;
  } catch {
    return {};
  }
}
