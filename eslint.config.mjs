import tseslint from 'typescript-eslint';

/** What the language lets pass and we do not, in every file. */
const everywhere = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
  'no-control-regex': 'error',
  'no-debugger': 'error',
  'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
  'no-else-return': 'error',
  'no-fallthrough': 'error',
  'no-self-compare': 'error',
  'no-template-curly-in-string': 'error',
  'no-unreachable': 'error',
  'no-unsafe-finally': 'error',
  'no-unused-expressions': 'error',
  'no-useless-escape': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
};

const inTypeScript = {
  // A promise nobody waits for is a failure nobody hears of.
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  // A new state or outcome must be met everywhere it is told apart.
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
  ],
  '@typescript-eslint/return-await': ['error', 'in-try-catch'],
  '@typescript-eslint/no-unused-vars': [
    'error',
    {
      argsIgnorePattern: '^_',
      varsIgnorePattern: '^_',
      caughtErrorsIgnorePattern: '^_',
      ignoreRestSiblings: true,
    },
  ],

  // Off: what is injected and what is validated is found by the types that decorators leave in the compiled code, and
  // a type-only import leaves none. This rule's fix turns working injections into `Object`.
  '@typescript-eslint/consistent-type-imports': 'off',
  // Off: an interface's promise may be kept without waiting for anything, and `async` is how that is said.
  '@typescript-eslint/require-await': 'off',
  // Off: after a length check or a lookup just made, `!` says what the compiler cannot see. Reviewed, not banned.
  '@typescript-eslint/no-non-null-assertion': 'off',
  // Off: numbers, booleans and undefined in messages print as what they are.
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    { allowNumber: true, allowBoolean: true, allowNullish: true },
  ],
};

const inTests = {
  // Off: answers of the service are parsed JSON, and the assertions are what checks their shape.
  '@typescript-eslint/no-unsafe-assignment': 'off',
  '@typescript-eslint/no-unsafe-member-access': 'off',
  '@typescript-eslint/no-unsafe-argument': 'off',
  '@typescript-eslint/no-unsafe-return': 'off',
  '@typescript-eslint/no-unsafe-call': 'off',
  '@typescript-eslint/no-explicit-any': 'off',
  // Off: `expect(service.method)` hands a method over to be looked at, not to be called.
  '@typescript-eslint/unbound-method': 'off',
};

/** How long a test may take is for Jest's own limit, which is above every wait inside (test/support/until.ts). */
const hook = '[callee.name=/^(it|beforeAll|beforeEach|afterAll|afterEach)$/]';
const noLimitOfItsOwn = {
  'no-restricted-syntax': [
    'error',
    {
      selector: `CallExpression:matches(${hook}, [callee.callee.property.name="each"]) > Literal[value>=1000]`,
      message: 'A test has no limit of its own: on a busy machine it fails by load alone.',
    },
  ],
};

const nodeGlobals = [
  'process',
  'console',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'fetch',
  'URL',
  'AbortSignal',
  'Buffer',
  'performance',
];
const commonJsGlobals = ['module', 'require', '__dirname', '__filename', 'exports'];
const readonly = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.holdfast*/', 'dashboard/dist/', 'dashboard/src/api/openapi.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { rules: everywhere },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: inTypeScript,
  },
  { files: ['test/**/*.ts', 'drills/**/*.ts'], rules: inTests },
  { files: ['test/**/*.spec.ts'], rules: noLimitOfItsOwn },
  // Off: a mutant's patch is a piece of code, and code has templates in it.
  { files: ['drills/*.ts'], rules: { 'no-template-curly-in-string': 'off' } },
  // Without types: the set-up scripts run before there is a compiler, and the configs are read by tools.
  {
    files: ['**/*.{mjs,cjs}'],
    languageOptions: { globals: readonly(nodeGlobals) },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': ['error', { ignoreRestSiblings: true, argsIgnorePattern: '^_' }],
    },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: readonly(commonJsGlobals) } },
);
