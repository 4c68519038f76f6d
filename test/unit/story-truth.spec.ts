import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { optionsOf } from '../../src/reporting/order-timeline/saga-options';
import type { SagaFacts } from '../../src/reporting/order-timeline/saga-facts';
import { storyFactsOf } from '../../src/reporting/order-timeline/saga-view';
import { storyOf } from '../../src/reporting/order-timeline/story';
import { factsOf } from '../support/abstract-story';
import type { Checkout } from '../support/abstract-checkout';
import { randomWalk, reachableCheckouts } from '../support/reachable-checkouts';
import { seeded } from '../support/seeded';
import { situationOf } from '../support/story-table';
import { claims, untruths } from '../support/story-claims';

/** No sentence contradicts the ledger in any reachable state of an order, by any history. */

const storyFrom = (saga: SagaFacts) => {
  const facts = storyFactsOf(saga);
  return { facts, story: storyOf(facts) };
};

function wrongIn(state: Checkout, { facts, story } = storyFrom(factsOf(state))): string[] {
  const mustAct = story.some((sentence) => /operator must act/.test(sentence));
  return [
    ...untruths(story, state),
    ...(story.length > 3 ? ['more than three sentences'] : []),
    ...(story.filter((sentence) => /customer/.test(sentence)).length === 1
      ? []
      : ['not exactly one sentence about money']),
    ...(mustAct === (facts.waitsFor === 'operator') ? [] : [`it waits for ${facts.waitsFor}`]),
    ...(mustAct && state.run !== 'never' ? ['an operator must act, although a retry is due'] : []),
  ];
}

/** Builds before codes wrote neither codes nor facts, and no line for a lost worker. */
const asWrittenBefore = (facts: SagaFacts): SagaFacts => ({
  ...facts,
  transitions: facts.transitions
    .filter(({ cause }) => cause !== 'worker-lost')
    .map((row) => ({ ...row, code: null, data: null })),
});

const examined = (state: Checkout) => ({
  ...state,
  history: state.history.map(({ cause, code, toStatus, worker }) => `${cause} ${code} ${toStatus} ${worker}`),
  story: storyOf(storyFactsOf(factsOf(state))),
});

const states = reachableCheckouts();

/** Read the table before you commit it: each line is what an operator will read. */
const table = path.join(__dirname, 'story-table.txt');

describe('the story of an order', () => {
  const wrong = new Map<string, Checkout>();
  const said = new Set<string>();
  /** For each situation, the story of its first state. */
  const rows = new Map<string, string>();
  beforeAll(() => {
    for (const state of states) {
      const { facts, story } = storyFrom(factsOf(state));
      for (const found of wrongIn(state, { facts, story })) wrong.set(found, state);
      const plain = story.map((sentence) => sentence.replaceAll('\u202f', ' '));
      // Earlier failures are left out.
      const situation = situationOf(state, facts);
      if (!rows.has(situation)) rows.set(situation, plain.slice(-2).join(' '));
      for (const sentence of plain) said.add(sentence);
    }
  });

  it('makes only true claims in every reachable state, and every claim in some state', () => {
    const first = [...wrong].slice(0, 3).map(([found, state]) => ({ found, ...examined(state) }));
    expect(first).toEqual([]);
    const plain = [...said];
    const unmade = Object.entries(claims).filter(([, { says }]) => !plain.some((one) => says.test(one)));
    // The provider of this model never refuses a void or refund; the one of saga-story.spec.ts does.
    expect(unmade.map(([name]) => name)).toEqual(['a void or refund was refused']);
    expect(states.length).toBeGreaterThan(50_000);
  });

  it('matches the table for every state of order, saga and payments', () => {
    const written = [...rows].map(([situation, story]) => `${situation}\n    ${story}\n`).sort();
    if (process.env.HOLDFAST_TEST_WRITE_STORIES) writeFileSync(table, written.join(''));
    expect(written.join('').split('\n')).toEqual(readFileSync(table, 'utf8').split('\n'));
  });

  it(
    'makes no false claim after any history, including those of builds before codes',
    seeded(async (random) => {
      for (let walk = 0; walk < 300; walk++)
        for (const state of randomWalk(random, 40)) {
          const found = [...wrongIn(state), ...wrongIn(state, storyFrom(asWrittenBefore(factsOf(state))))];
          if (found.length > 0) expect({ found, ...examined(state) }).toEqual({});
        }
    }),
  );
});

describe('the comparison of our record with the provider', () => {
  const recordOf = ({ provider }: Checkout) => {
    const sum = (kind: keyof Checkout['provider']) => (provider[kind] === 'done' ? 1_000 : 0);
    return {
      reference: 'ref_authorize',
      currency: 'EUR',
      authorized: sum('authorize'),
      captured: sum('capture'),
      voided: sum('void'),
      refunded: sum('refund'),
    };
  };

  it('marks no difference while our record is correct but incomplete', () => {
    // The compared facts repeat: one state in nine covers all of them.
    const wrong = states.filter((state, nth) => {
      if (nth % 9 !== 0) return false;
      const answer = { answered: true, problem: null, record: recordOf(state), askedAt: new Date() };
      return Object.values(optionsOf(factsOf(state), answer).comparison).includes('differs');
    });
    expect(wrong.slice(0, 2).map(examined)).toEqual([]);
  });
});
