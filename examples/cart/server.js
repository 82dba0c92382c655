// A small shop: carts, sessions and orders in Redis, products and payments from an HTTP dependency.
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const catalogueUrl = process.env.CATALOGUE_URL ?? 'http://127.0.0.1:4600';
const day = 86_400;

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function catalogue(path, options) {
  const response = await fetch(catalogueUrl + path, options);
  if (response.status === 404) throw new HttpError(404, 'no such product');
  if (!response.ok) throw new HttpError(502, `the catalogue answered ${response.status}`);
  return response.json();
}

async function createCart() {
  const id = randomUUID();
  const createdAt = new Date().toISOString();
  await redis.hset(`cart:${id}`, { createdAt, currency: 'EUR', total: 0 });
  await redis.expire(`cart:${id}`, day);
  await redis.sadd('carts:active', id);
  return { status: 201, body: { id, createdAt } };
}

async function readCart(id) {
  const [cart, items] = await Promise.all([redis.hgetall(`cart:${id}`), redis.hgetall(`cart:${id}:items`)]);
  if (cart.createdAt === undefined) throw new HttpError(404, 'no such cart');
  return { id, ...cart, total: Number(cart.total), items: Object.fromEntries(Object.entries(items).map(([sku, quantity]) => [sku, Number(quantity)])) };
}

async function addItem(id, { sku, quantity }) {
  if (!Number.isInteger(quantity) || quantity < 1) throw new HttpError(400, 'quantity must be a positive integer');
  if ((await redis.exists(`cart:${id}`)) === 0) throw new HttpError(404, 'no such cart');
  const product = await catalogue(`/products/${sku}`);
  const count = await redis.hincrby(`cart:${id}:items`, sku, quantity);
  const total = await redis.hincrby(`cart:${id}`, 'total', product.price * quantity);
  await redis.hset(`cart:${id}`, 'updatedAt', Date.now(), 'currency', 'EUR');
  await redis.expire(`cart:${id}`, day);
  await redis.expire(`cart:${id}:items`, day);
  await redis.zincrby('products:popular', quantity, sku);
  await redis.lpush(`cart:${id}:log`, JSON.stringify({ event: 'added', sku, quantity, at: Date.now() }));
  await redis.ltrim(`cart:${id}:log`, 0, 9);
  await redis.incr('stats:added');
  return { status: 200, body: { sku, count, total } };
}

async function removeItem(id, sku) {
  const quantity = Number((await redis.hget(`cart:${id}:items`, sku)) ?? 0);
  if (quantity === 0) throw new HttpError(404, 'not in the cart');
  const product = await catalogue(`/products/${sku}`);
  await redis.hdel(`cart:${id}:items`, sku);
  const total = await redis.hincrby(`cart:${id}`, 'total', -product.price * quantity);
  await redis.del(`cart:${id}:quote`);
  await redis.incr('stats:removed');
  return { status: 200, body: { sku, total } };
}

async function quote(id) {
  const cached = await redis.get(`cart:${id}:quote`);
  if (cached !== null) return { status: 200, body: { ...JSON.parse(cached), cached: true } };
  const cart = await readCart(id);
  const shipping = cart.total > 5000 ? 0 : 490;
  const fresh = { total: cart.total, shipping, payable: cart.total + shipping };
  await redis.set(`cart:${id}:quote`, JSON.stringify(fresh), 'EX', 60);
  return { status: 200, body: { ...fresh, cached: false } };
}

async function checkout(id, token) {
  const session = await currentSession(token);
  const cart = await readCart(id);
  if (Object.keys(cart.items).length === 0) throw new HttpError(409, 'the cart is empty');
  const orderId = randomBytes(9).toString('base64url');
  const charge = await catalogue('/charge', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ order: orderId, amount: cart.total, customer: session.user }),
  });
  await redis.multi()
    .hset(`order:${orderId}`, { user: session.user, total: cart.total, charge: charge.reference, items: JSON.stringify(cart.items) })
    .zadd('orders:recent', Date.now(), orderId)
    .sadd(`user:${session.user}:orders`, orderId)
    .del(`cart:${id}`, `cart:${id}:items`)
    .srem('carts:active', id)
    .incrby('stats:revenue', cart.total)
    .exec();
  await redis.publish('orders', orderId);
  // The receipt is written when the customer has the answer already.
  const late = () => void redis.set(`receipt:${orderId}`, JSON.stringify({ total: cart.total, user: session.user }), 'EX', 30 * day);
  return { status: 201, body: { orderId, total: cart.total, charge: charge.reference }, late };
}

async function login({ user }) {
  if (typeof user !== 'string' || user === '') throw new HttpError(400, 'user is missing');
  const token = randomBytes(18).toString('hex');
  await redis.set(`session:${token}`, JSON.stringify({ user, since: Date.now() }), 'EX', 1800);
  await redis.incr(`user:${user}:logins`);
  return { status: 200, body: { user, token }, headers: { 'set-cookie': `sid=${token}; HttpOnly; Path=/` } };
}

async function currentSession(token) {
  const session = token === undefined ? null : await redis.get(`session:${token}`);
  if (session === null) throw new HttpError(401, 'please log in');
  await redis.expire(`session:${token}`, 1800);
  return JSON.parse(session);
}

async function profile(token) {
  const session = await currentSession(token);
  const [logins, orders] = await Promise.all([redis.get(`user:${session.user}:logins`), redis.smembers(`user:${session.user}:orders`)]);
  return { status: 200, body: { user: session.user, logins: Number(logins), orders: orders.sort() } };
}

async function popular() {
  const ranked = await redis.zrevrange('products:popular', 0, 4, 'WITHSCORES');
  const products = [];
  for (let i = 0; i < ranked.length; i += 2) products.push({ sku: ranked[i], sold: Number(ranked[i + 1]) });
  return { status: 200, body: { products } };
}

async function route(method, path, body, token) {
  const [, first, id, third, sku] = path.split('/');
  if (method === 'GET' && path === '/health') return { status: 200, body: { ok: true } };
  if (method === 'POST' && path === '/login') return login(body);
  if (method === 'GET' && path === '/me') return profile(token);
  if (method === 'GET' && path === '/popular') return popular();
  if (method === 'POST' && path === '/carts') return createCart();
  if (first === 'carts' && id !== undefined) {
    if (method === 'GET' && third === undefined) return { status: 200, body: await readCart(id) };
    if (method === 'POST' && third === 'items') return addItem(id, body);
    if (method === 'DELETE' && third === 'items') return removeItem(id, sku);
    if (method === 'GET' && third === 'quote') return quote(id);
    if (method === 'POST' && third === 'checkout') return checkout(id, token);
  }
  throw new HttpError(404, 'no such route');
}

async function readBody(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}

const server = createServer(async (request, response) => {
  let result;
  try {
    const token = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    result = await route(request.method, request.url.split('?')[0], await readBody(request), token);
  } catch (error) {
    result = { status: error.status ?? 500, body: { error: error.message } };
  }
  const text = JSON.stringify(result.body);
  response.writeHead(result.status, { 'content-type': 'application/json', ...result.headers });
  response.end(text);
  result.late?.();
});

server.listen(Number(process.env.PORT ?? 4500), '127.0.0.1');
