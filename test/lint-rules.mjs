// Our own rules for oxlint.

const hooks = new Set(['it', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach']);

/** `it(…)`, and `it.each(…)(…)`. */
const isTestOrHook = ({ callee }) =>
  hooks.has(callee.name) || (callee.type === 'CallExpression' && callee.callee.property?.name === 'each');

/** How long a test may take is for Jest's own limit, which is above every wait inside (test/support/until.ts). */
const noTimeLimit = {
  create: (context) => ({
    CallExpression(node) {
      for (const argument of isTestOrHook(node) ? node.arguments : [])
        if (typeof argument.value === 'number' && argument.value >= 1000)
          context.report({
            node: argument,
            message:
              'Remove the time limit: on a busy machine this test would fail because of the load alone.',
          });
    },
  }),
};

export default { meta: { name: 'holdfast' }, rules: { 'no-time-limit': noTimeLimit } };
