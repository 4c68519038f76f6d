// The last block of `npm start`: all addresses, and an example order.
import path from 'node:path';
import { exampleSku } from './seed.mjs';
import { withoutPassword } from './instance.mjs';

export function summary({ settings, env, took }) {
  const api = `http://127.0.0.1:${settings.port}`;
  const rows = [
    ['dashboard', `${api}/`],
    ['API', api],
    ['docs', `${api}/docs`],
    [
      'ledger',
      settings.stripeUrl ? `(payments go to ${settings.stripeUrl})` : `${env.STRIPE_API_URL}/sandbox/ledger`,
    ],
    ['database', withoutPassword(env.DATABASE_URL)],
    [
      'queues',
      settings.redisUrl
        ? withoutPassword(settings.redisUrl)
        : 'in the database (REDIS_URL puts them on Redis)',
    ],
    ['keys', keys(env)],
  ];
  const home = path.relative(process.cwd(), settings.dataDir) || settings.dataDir;
  return `
  Holdfast is ready after ${took}. Ctrl-C stops it; its data stays in ${home.startsWith('..') ? settings.dataDir : home}.

${rows.map(([name, value]) => `    ${name.padEnd(10)}${value}`).join('\n')}

  Buy something:

    curl ${api}/v1/orders -H 'Authorization: Bearer ${shown(env, 'HOLDFAST_CLIENT_KEY', 'hf_dev_client')}' -H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%s%N)" -H 'Prefer: wait=10' -d '{"customerId":"cus_ada","paymentMethod":"pm_card_visa","lines":[{"sku":"${exampleSku}","quantity":1}]}'

`;
}

function keys(env) {
  return [
    `admin ${shown(env, 'HOLDFAST_ADMIN_KEY', 'hf_dev_admin')}`,
    `viewer ${shown(env, 'HOLDFAST_VIEWER_KEY', 'hf_dev_viewer')}`,
    `client ${shown(env, 'HOLDFAST_CLIENT_KEY', 'hf_dev_client')}`,
  ].join('   ');
}

/** A configured key is not shown, because terminals are recorded. */
const shown = (env, name, development) => (env[name] === development ? development : `$${name}`);
