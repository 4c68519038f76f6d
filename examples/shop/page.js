const $ = (id) => document.getElementById(id);
const { sku, price, publishableKey } = await post('GET', '/config');
$('sku').textContent = sku;
$('price').textContent = new Intl.NumberFormat('en', { style: 'currency', currency: price.currency }).format(
  price.amount / 100,
);

/** Survives a reload, so that a buyer who comes back gets the same order. A new basket gets a new id. */
const checkoutId = (sessionStorage.checkoutId ??= crypto.randomUUID());
let attempt = 1;

// With Stripe: its script and its card field instead of our list.
let stripe, card;
if (publishableKey) {
  await new Promise((loaded, failed) => {
    const script = Object.assign(document.createElement('script'), { src: 'https://js.stripe.com/v3/' });
    Object.assign(script, { onload: loaded, onerror: failed });
    document.head.append(script);
  });
  stripe = window.Stripe(publishableKey);
  card = stripe.elements().create('card');
  card.mount('#card');
}

/** The token of the card; its number never reaches the shop. */
async function methodOf() {
  if (!stripe) return $('method').value;
  const { paymentMethod, error } = await stripe.createPaymentMethod({ type: 'card', card });
  if (error) throw new Error(error.message);
  return paymentMethod.id;
}

$('pay').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('pay').hidden = true;
  say('Paying …');
  try {
    const body = { checkoutId, method: await methodOf(), attempt };
    await show(await post('POST', attempt === 1 ? '/checkout' : '/card', body));
  } catch (error) {
    say(error.message);
    $('pay').hidden = false;
  }
});

async function show(next) {
  switch (next.step) {
    case 'new':
      $('pay').hidden = false;
      return say('');
    case 'thanks':
      delete sessionStorage.checkoutId;
      return say(`Thank you! Your order is ${next.orderId}.`);
    case 'authenticate':
      return authenticate();
    case 'wait':
      say('Your bank takes its time …');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return show(await post('POST', '/status', { checkoutId }));
    case 'another_card':
      attempt = next.attempt;
      $('pay').hidden = false;
      return say(
        `Declined (${next.declineCode}). We keep it for you for ${next.seconds} seconds: try another card.`,
      );
    case 'sold_out':
      return startAgain('Sorry, it is sold out. Nothing was charged.');
    case 'not_on_sale':
      return startAgain(
        next.startsInSeconds === null
          ? 'The sale is over.'
          : `The sale starts in ${next.startsInSeconds} seconds.`,
      );
    case 'enough':
      return startAgain(`One customer may buy ${next.unitsMax}. Nothing was charged.`);
    case 'price_changed':
      return startAgain('The price has changed. Please reload. Nothing was charged.');
    case 'ended':
      return startAgain(
        'The order has ended. What was charged, if anything, goes back to you. You can start again.',
      );
    case 'unknown':
      // The same button sends the same key: it finds the order if there is one, and makes it if not.
      $('pay').hidden = false;
      return say('We have not heard from our till. Please press Pay again: you pay only once.');
    default:
      return startAgain(`This did not work (${next.code}). We are looking into it.`);
  }
}

function startAgain(message) {
  delete sessionStorage.checkoutId;
  say(message);
}

/** Stripe.js takes the buyer to the bank. The order goes on by itself; the page only asks how it went. */
async function authenticate() {
  const { clientSecret } = await post('POST', '/next-action', { checkoutId });
  if (clientSecret && stripe) await stripe.handleNextAction({ clientSecret });
  else if (clientSecret) await playBuyer(clientSecret);
  return show({ step: 'wait' });
}

async function playBuyer(clientSecret) {
  say('');
  $('bank').hidden = false;
  const outcome = await new Promise((resolve) => {
    $('confirm').onclick = () => resolve('success');
    $('refuse').onclick = () => resolve('failure');
  });
  $('bank').hidden = true;
  await post('POST', '/sandbox/authenticate', { clientSecret, outcome });
}

// After a reload: where was this checkout?
await show(await post('POST', '/status', { checkoutId }));

async function post(method, path, body) {
  const response = await fetch(path, { method, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function say(text) {
  $('message').textContent = text;
}
