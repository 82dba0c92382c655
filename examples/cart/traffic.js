// Sends the shop some customers: node traffic.js <url> [customers] [at a time]
const [url = 'http://127.0.0.1:4500', customers = '60', atATime = '8'] = process.argv.slice(2);
const skus = ['tea', 'cup', 'pot', 'tray', 'spoon', 'kettle', 'honey', 'lemon'];

// The same customers every time: a small generator instead of Math.random.
function choices(seed) {
  let state = seed * 2654435761;
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return state % n;
  };
}

async function send(method, path, { body, cookie } = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(cookie === undefined ? {} : { cookie }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json(), cookie: response.headers.get('set-cookie')?.split(';')[0] };
}

async function customer(number) {
  const choose = choices(number + 1);
  const { cookie } = await send('POST', '/login', { body: { user: `user${number % 17}` } });
  const cart = (await send('POST', '/carts')).body.id;
  const inCart = new Set();
  for (let step = 0; step < 3 + choose(5); step++) {
    const sku = skus[choose(skus.length)];
    await send('POST', `/carts/${cart}/items`, { body: { sku, quantity: 1 + choose(3) } });
    inCart.add(sku);
    if (choose(3) === 0) await send('GET', `/carts/${cart}`);
    if (choose(3) === 0) await send('GET', `/carts/${cart}/quote`);
    if (choose(4) === 0) {
      const [removed] = inCart;
      await send('DELETE', `/carts/${cart}/items/${removed}`);
      inCart.delete(removed);
    }
  }
  if (choose(5) === 0) await send('POST', `/carts/${cart}/items`, { body: { sku: 'unicorn', quantity: 1 } });
  if (choose(6) === 0) await send('POST', `/carts/${cart}/items`, { body: { sku: 'tea', quantity: -1 } });
  await send('GET', `/carts/${cart}/quote`);
  if (choose(3) > 0) await send('POST', `/carts/${cart}/checkout`, { cookie });
  await send('GET', '/me', { cookie });
  if (choose(2) === 0) await send('GET', '/popular');
  if (choose(7) === 0) await send('GET', '/me');
}

let next = 0;
await Promise.all(Array.from({ length: Number(atATime) }, async () => {
  while (next < Number(customers)) await customer(next++);
}));
