// Turns the OpenAPI document on stdin into the dashboard's types of the API. `npm run api-types` writes them, through
// test/integration/openapi.spec.ts, which also fails when they are out of date.
import { text } from 'node:stream/consumers';
import openapiTS, { astToString } from 'openapi-typescript';

// Only what makes a type: sentences and the order of controllers may change without a new file.
const isProse = (key, value) => key === 'example' || (key === 'description' && typeof value === 'string');
const { openapi, info, components } = JSON.parse(await text(process.stdin), (key, value) =>
  isProse(key, value) ? undefined : value,
);
const byName = ([one], [other]) => (one < other ? -1 : 1);
const schemas = Object.fromEntries(Object.entries(components.schemas).sort(byName));
const document = { openapi, info, paths: {}, components: { schemas } };
const options = {
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  rootTypesKeepCasing: true,
  arrayLength: true,
};
process.stdout.write('// Generated from /openapi.json by `npm run api-types`. Do not edit.\n\n');
process.stdout.write(astToString(await openapiTS(document, options)));
