import { readFile, writeFile } from 'node:fs/promises';
import { verifyWebhook } from '../../packages/client/dist/client.js';
import { holdfast } from './holdfast.mjs';

/** What the shop hears of its orders: by webhook at once, and by the feed what it missed while it was down. */

const { STATE_FILE = '.holdfast-shop.json' } = process.env;
/** A shop keeps these in its database: what it knows of each order, and which events it has handled. */
export const known = new Map();
const handled = new Set();
let state = {};

const save = (more) => writeFile(STATE_FILE, JSON.stringify(Object.assign(state, more)));

/** Events come again, and an older object may come after a newer one: the id and the version tell them apart. */
export function handle({ id, data: { object } }) {
  if (handled.has(id) || object?.object !== 'order') return;
  handled.add(id);
  if ((known.get(object.id)?.version ?? 0) < object.version) known.set(object.id, object);
}

/** At the start: what happened meanwhile, then live. The endpoint is made once; its secret is shown only then. */
export async function listen(url) {
  state = JSON.parse(await readFile(STATE_FILE, 'utf8').catch(() => '{}'));
  if (!state.secret) await save({ secret: (await holdfast.createWebhookEndpoint({ url })).secret });
  const feed = holdfast.events({ cursor: state.cursor, types: ['order.*'], follow: false });
  for await (const { data, nextCursor } of feed.pages()) {
    data.forEach(handle);
    await save({ cursor: nextCursor });
  }
}

/** Answered as soon as it is handled; throws what does not verify. */
export const receive = (rawBody, headers) => handle(verifyWebhook(rawBody, headers, state.secret));
