/**
 * The service that is recorded and replayed in benchmarks: node:http and ioredis, values of 1 KB of JSON.
 * GET /page/<n>: 20 elements in 4 commands (GET, MGET of 18, INCR, SET). GET /light/<n>: GET, INCR, SET. GET /plain: no state.
 */
import { createServer } from 'node:http';
import { Redis } from 'ioredis';

const products = 500;
const redis = new Redis(process.env.REDIS_URL);

async function page(n) {
  const id = n % products;
  const product = JSON.parse(await redis.get(`product:${id}`));
  const related = await redis.mget(Array.from({ length: 18 }, (_, index) => `product:${(id + index + 1) % products}`));
  const views = await redis.incr(`views:${id}`);
  product.views = views;
  await redis.set(`last:${id % 50}`, JSON.stringify({ id, views, name: product.name }));
  const stock = related.reduce((sum, text) => sum + JSON.parse(text).stock, 0);
  return { id, name: product.name, views, stock, related: related.length };
}

async function light(n) {
  const id = n % products;
  const product = JSON.parse(await redis.get(`product:${id}`));
  const views = await redis.incr(`views:${id}`);
  await redis.set(`seen:${id}`, `${product.name} ${views}`);
  return { id, name: product.name, views };
}

createServer((request, response) => {
  const [, kind, n] = request.url.split('/');
  const answer = kind === 'page' ? page(Number(n)) : kind === 'light' ? light(Number(n)) : Promise.resolve({ ok: true });
  answer.then(
    (value) => {
      const body = JSON.stringify(value);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    },
    (error) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(error.message);
    },
  );
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
