import { GuardedGateway } from '../../src/payment/gateways/guarded.gateway';
import type { GatewayResult } from '../../src/payment/gateways/gateway';
import { declinedCard, notDone, silence } from '../support/scripted-gateway';
import type { OperationKind } from '../../src/payment/payment-operations.repository';

const kinds = ['authorize', 'charge', 'capture', 'void', 'refund'] as const;

const request = {
  account: null,
  key: 'ord_1:authorize:1',
  metadata: { orderId: 'ord_1' },
  amount: 1_000,
  currency: 'EUR',
  paymentMethod: 'pm_card_visa',
  options: {},
  authorization: 'pi_1',
};
const approved: GatewayResult = { status: 'approved', reference: 'pi_1', amount: 1_000, currency: 'EUR' };
const tooMany = (retryAfterMs: number): GatewayResult => ({
  status: 'unknown',
  detail: 'StripeRateLimitError 429: too many requests',
  retryAfterMs,
});

/** A provider whose calls are answered by the test, in order of arrival. */
class Provider {
  readonly calls: { kind: OperationKind; answer: (answer: GatewayResult) => void }[] = [];
  readonly gateway = new GuardedGateway({
    authorize: () => this.called('authorize'),
    charge: () => this.called('charge'),
    capture: () => this.called('capture'),
    void: () => this.called('void'),
    refund: () => this.called('refund'),
    look: () => Promise.resolve(notDone),
  });

  private called(kind: OperationKind): Promise<GatewayResult> {
    return new Promise((answer) => this.calls.push({ kind, answer }));
  }

  /** One call, answered at once if it gets through. */
  async ask(answer: GatewayResult = approved, kind: OperationKind = 'authorize'): Promise<GatewayResult> {
    const calls = this.calls.length;
    const asked = this.gateway[kind](request);
    await Promise.resolve();
    this.calls[calls]?.answer(answer);
    return asked;
  }
}

let provider: Provider;
beforeEach(() => {
  jest.useFakeTimers();
  provider = new Provider();
});
afterEach(() => jest.useRealTimers());

const heldBack = { status: 'not-asked' };

describe('a provider that asks for a pause', () => {
  it.each(kinds)('gets no calls for that time after a pause requested for %s', async (kind) => {
    expect(await provider.ask(tooMany(2_000), kind)).toEqual(tooMany(2_000));

    jest.advanceTimersByTime(1_999);
    for (const other of kinds) expect(await provider.ask(approved, other)).toMatchObject(heldBack);
    expect(provider.calls).toHaveLength(1);

    jest.advanceTimersByTime(1);
    expect(await provider.ask()).toEqual(approved);
  });

  it('P11: does not stop the others when only one payment is locked', async () => {
    await provider.ask({ ...tooMany(2_000), code: 'key_in_use' } as GatewayResult);
    expect(await provider.ask()).toEqual(approved);
  });

  it('returns when to try again with each call that is held back', async () => {
    await provider.ask(tooMany(2_000));
    jest.advanceTimersByTime(500);
    expect(await provider.ask()).toEqual({
      status: 'not-asked',
      code: 'provider_paused',
      detail: expect.stringContaining('pause'),
      retryAfterMs: 1_500,
    });
  });

  it('gets one call first, and the others when that one succeeded', async () => {
    await provider.ask(tooMany(1_000));
    jest.advanceTimersByTime(1_000);

    const probe = provider.gateway.capture(request);
    await Promise.resolve();
    for (const kind of kinds) expect(await provider.ask(approved, kind)).toMatchObject(heldBack);
    expect(provider.calls.map(({ kind }) => kind)).toEqual(['authorize', 'capture']);

    provider.calls[1]!.answer(approved);
    expect(await probe).toEqual(approved);
    expect(await Promise.all(kinds.map((kind) => provider.ask(approved, kind)))).toEqual(
      kinds.map(() => approved),
    );
  });

  it('may ask for another pause, after which one call goes first again', async () => {
    await provider.ask(tooMany(1_000));
    jest.advanceTimersByTime(1_000);
    expect(await provider.ask(tooMany(3_000))).toEqual(tooMany(3_000));

    jest.advanceTimersByTime(2_999);
    expect(await provider.ask()).toMatchObject(heldBack);
    jest.advanceTimersByTime(1);
    void provider.gateway.void(request);
    await Promise.resolve();
    expect(await provider.ask()).toMatchObject(heldBack);
    expect(provider.calls).toHaveLength(3);
  });

  it('holds back other orders for ten seconds at most', async () => {
    expect(await provider.ask(tooMany(300_000))).toEqual(tooMany(300_000));
    jest.advanceTimersByTime(9_999);
    expect(await provider.ask()).toMatchObject(heldBack);
    jest.advanceTimersByTime(1);
    expect(await provider.ask()).toEqual(approved);
  });

  it('gets the longer of two pauses', async () => {
    const both = [provider.gateway.authorize(request), provider.gateway.authorize(request)];
    await Promise.resolve();
    provider.calls[0]!.answer(tooMany(5_000));
    provider.calls[1]!.answer(tooMany(1_000));
    await Promise.all(both);

    jest.advanceTimersByTime(4_999);
    expect(await provider.ask()).toMatchObject(heldBack);
  });

  it('gets one call first again when it asked for a pause during a probe', async () => {
    const early = provider.gateway.authorize(request);
    await Promise.resolve();
    await provider.ask(tooMany(1_000));
    jest.advanceTimersByTime(1_000);
    const probe = provider.gateway.authorize(request);
    await Promise.resolve();
    provider.calls[0]!.answer(tooMany(2_000));
    await early;
    provider.calls[2]!.answer(approved);
    await probe;

    jest.advanceTimersByTime(2_000);
    void provider.gateway.authorize(request);
    await Promise.resolve();
    expect(await provider.ask()).toMatchObject(heldBack);
  });

  it('never opens the circuit by asking for pauses', async () => {
    for (let nth = 0; nth < 30; nth++) {
      expect(await provider.ask(tooMany(1_000))).toEqual(tooMany(1_000));
      jest.advanceTimersByTime(1_000);
    }
    expect(await provider.ask()).toEqual(approved);
  });
});

describe('a provider that does not answer', () => {
  const silences = async (times: number) => {
    for (let nth = 0; nth < times; nth++) expect(await provider.ask(silence)).toEqual(silence);
  };

  it('gets no calls after twenty unknown results in a row, then one that decides about the others', async () => {
    await silences(20);
    expect(await provider.ask()).toMatchObject(heldBack);
    expect(provider.calls).toHaveLength(20);

    jest.advanceTimersByTime(5_000);
    expect(await provider.ask(silence)).toEqual(silence);
    expect(await provider.ask()).toMatchObject(heldBack);
    jest.advanceTimersByTime(5_000);
    expect(await provider.ask()).toEqual(approved);
    expect(await provider.ask()).toEqual(approved);
  });

  it.each([
    ['approval', approved],
    ['refusal', declinedCard],
    ['request for a pause', tooMany(1)],
  ])('closes the circuit with any answer (%s)', async (_, answer) => {
    await silences(19);
    expect(await provider.ask(answer)).toEqual(answer);
    jest.advanceTimersByTime(1_000);
    await silences(19);
    expect(await provider.ask()).toEqual(approved);
  });

  it('leaves the probe to the next call, after a pause too', async () => {
    await provider.ask(tooMany(1_000));
    jest.advanceTimersByTime(1_000);
    await silences(20);
    await provider.ask(tooMany(1_000));
    jest.advanceTimersByTime(4_999);
    expect(await provider.ask()).toMatchObject(heldBack);
    jest.advanceTimersByTime(1);
    expect(await provider.ask()).toEqual(approved);
    expect(await provider.ask()).toEqual(approved);
  });

  it('passes on what a call throws, and gets the next call', async () => {
    const bug = new Error('a bug in the gateway');
    const throwing = new GuardedGateway({
      authorize: () => Promise.reject(bug),
      charge: () => Promise.reject(bug),
      capture: () => Promise.resolve(tooMany(1_000)),
      void: () => Promise.resolve(approved),
      refund: () => Promise.resolve(approved),
      look: () => Promise.resolve(notDone),
    });
    await throwing.capture(request);
    jest.advanceTimersByTime(1_000);
    await expect(throwing.authorize(request)).rejects.toBe(bug);
    expect(await throwing.refund(request)).toEqual(approved);
  });
});
