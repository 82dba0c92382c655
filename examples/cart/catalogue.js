// The shop's dependency: products with prices, and a payment that answers with a reference.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const products = new Map(
  ['tea', 'cup', 'pot', 'tray', 'spoon', 'kettle', 'honey', 'lemon'].map((sku, index) => [sku, { sku, name: sku.toUpperCase(), price: 250 + index * 175 }]),
);

export function startCatalogue(port = 0) {
  const server = createServer((request, response) => {
    const send = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const sku = /^\/products\/(\w+)$/.exec(request.url)?.[1];
    if (sku !== undefined) return products.has(sku) ? send(200, products.get(sku)) : send(404, { error: 'unknown' });
    if (request.url === '/charge') {
      request.resume();
      return request.on('end', () => send(200, { reference: `ch_${randomBytes(12).toString('hex')}` }));
    }
    return send(404, { error: 'unknown' });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

if (process.argv[1] === new URL(import.meta.url).pathname) await startCatalogue(Number(process.env.CATALOGUE_PORT ?? 4600));
