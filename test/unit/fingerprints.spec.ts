import { BodyValidationPipe } from '../../src/http/validation';
import { fingerprintOf, fingerprintsOf } from '../../src/idempotency/idempotency.repository';
import { ReserveDto } from '../../src/inventory/reservations/reservations.dto';
import { AdjustmentDto, TransferDto } from '../../src/inventory/catalogue/products.dto';
import { NewLoadTestDto } from '../../src/load-tests/load-tests.dto';
import { OrderDto } from '../../src/orders/orders.dto';

const pipe = new BodyValidationPipe();

async function fingerprint(dto: new () => object, json: string): Promise<string> {
  const checked = (await pipe.transform(JSON.parse(json), { type: 'body', metatype: dto })) as object;
  return fingerprintOf(checked).toString('hex');
}

/** Made by the previous build (0.1.0). Its keys are kept for 72 hours and must still replay, so these never change. */
const golden: [string, new () => object, string, string][] = [
  [
    'an order',
    OrderDto,
    '{"customerId":"c","paymentMethod":"pm_card_visa","lines":[{"sku":"A","quantity":1}]}',
    'c704531e654658efd415098816e80383e92bd2a741e3c7cf5b8ae283d889bc28',
  ],
  [
    'an order with every field, in another order',
    OrderDto,
    '{"metadata":{"z":"1","a":"ü \\"x\\"","10":"b"},"expectedTotal":{"currency":"EUR","amount":1999},"pool":"eu","ttlSeconds":60,"lines":[{"quantity":2,"sku":"A"},{"sku":"B","quantity":1}],"paymentMethod":"pm_card_visa","customerId":"müller"}',
    'ca9784ab817f92f99c3f11f0022aae0d7c9f3b42f0a1a7a9ddda15e749c33669',
  ],
  [
    'an order on a reservation, with empty metadata',
    OrderDto,
    '{"customerId":"c","paymentMethod":"pm_card_visa","reservationId":"rsv_01jd3v7q8nf0xv7c0kq1e5m9tz","metadata":{}}',
    'ac842d3b69e624db2a7d7e45c0f8c9ce5afd358c9f2e76caf6e3a8533e43d424',
  ],
  [
    'a number written in another way',
    ReserveDto,
    '{"customerId":"c","lines":[{"sku":"A","quantity":1.0e1}],"ttlSeconds":6e1}',
    'f60e7c535e8b834307c28a7f18466df165c1357218b4361328126aecd07cb6f2',
  ],
  [
    'a reservation with U+FFFD',
    ReserveDto,
    '{"customerId":"\\ufffd","lines":[{"sku":"constructor","quantity":1}]}',
    'c52face517828a504d41f18dced433b5755acebc2a6676628e29330996259005',
  ],
  [
    'an adjustment',
    AdjustmentDto,
    '{"delta":-5,"reason":"broken in the post"}',
    '7cad9a46bc56233827c6653a40048a3523b00cf2287115902418cbf4eb0ed38b',
  ],
  [
    'a transfer',
    TransferDto,
    '{"from":"eu","to":"us","quantity":5,"reason":"more buyers there"}',
    '2ba4a94036e81343b973cd9f13881e841d5fc4acdc43e618462bd90594cb804c',
  ],
  [
    'a load test',
    NewLoadTestDto,
    '{"buyers":10,"units":5,"strategies":["grouped","pools"],"declineRate":0.08,"abandonRate":0,"reason":"rehearsal"}',
    'cd4c05ac53c71506dfd3c6c180d90d502aef1b5a48af7aca93355ce7697896e1',
  ],
];

describe('fingerprintOf', () => {
  it.each(golden)('gives the same fingerprint as the previous build: %s', async (_what, dto, json, hex) => {
    expect(await fingerprint(dto, json)).toBe(hex);
  });
});

describe('fingerprintsOf', () => {
  const body = { customerId: 'c', lines: [{ sku: 'A', quantity: 1 }] };

  it('also gives the fingerprint of the previous build for metadata that it misread', () => {
    const metadata = { constructor: 'x', toString: 'y', prototype: 'z', a: 'b' } as Record<string, string>;
    const { fingerprint, fingerprintV1 } = fingerprintsOf({ ...body, metadata });

    expect(fingerprintV1?.toString('hex')).toBe(
      'd949860c911c855b887c12ccbbcc0deef5b763176e2d8d4d6d79d8ed4335a783',
    );
    expect(fingerprint.equals(fingerprintV1!)).toBe(false);
  });

  it('gives one fingerprint for all other requests', () => {
    for (const metadata of [undefined, {}, { a: 'b', length: '1' }])
      expect(fingerprintsOf({ ...body, metadata } as object).fingerprintV1).toBeUndefined();
  });
});
