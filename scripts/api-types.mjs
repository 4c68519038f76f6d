// Turns the OpenAPI document on stdin into types of the API: all of them for the dashboard, with `client` those of a shop's
// calls. `npm run api-types` writes both, through test/integration/openapi.spec.ts, which also fails when they are out of date.
import { text } from 'node:stream/consumers';
import openapiTS, { astToString } from 'openapi-typescript';

const isForClient = process.argv[2] === 'client';

// Only what makes a type: sentences and the order of controllers may change without a new file.
const isProse = (key, value) => key === 'example' || (key === 'description' && typeof value === 'string');
const { openapi, info, paths, components } = JSON.parse(await text(process.stdin), (key, value) =>
  isProse(key, value) ? undefined : value,
);
const byName = ([one], [other]) => (one < other ? -1 : 1);
const all = Object.entries(components.schemas).sort(byName);
const named = isForClient ? namesInCallsOfShops() : undefined;
const schemas = Object.fromEntries(all.filter(([name]) => named?.has(name) ?? true));
const document = { openapi, info, paths: {}, components: { schemas } };
const options = {
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  rootTypesKeepCasing: true,
  arrayLength: true,
  // A shop may leave out what has a default.
  defaultNonNullable: !isForClient,
};
process.stdout.write('// Generated from /openapi.json by `npm run api-types`. Do not edit.\n\n');
process.stdout.write(astToString(await openapiTS(document, options)));

/** The schemas that these calls name, and those that these name. */
function namesInCallsOfShops() {
  const calls = Object.entries(paths).filter(([path]) =>
    /^\/v1\/(orders|reservations|stock|events|webhook-endpoints)\b/.test(path),
  );
  const found = new Set(['Problem']);
  const visit = (value) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      visit(components.schemas[name]);
    }
  };
  visit(calls);
  visit(components.schemas.Problem);
  return found;
}
