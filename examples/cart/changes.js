/**
 * Changes of server.js that a test applies one at a time. `regression`: must be found; `stateOnly`: every response stays the same;
 * `benign`: must raise nothing. `find` stands exactly once in the source.
 */
export const changes = [
  // Visible in a response.
  { name: 'price-ignores-quantity', kind: 'regression', find: "'total', product.price * quantity)", replace: "'total', product.price)" },
  { name: 'free-shipping-limit', kind: 'regression', find: 'cart.total > 5000', replace: 'cart.total > 500' },
  { name: 'accepts-negative-quantity', kind: 'regression', find: 'quantity < 1', replace: 'quantity < -1' },
  { name: 'wrong-status-on-create', kind: 'regression', find: '{ status: 201, body: { id, createdAt } }', replace: '{ status: 200, body: { id, createdAt } }' },
  { name: 'cookie-without-httponly', kind: 'regression', find: '; HttpOnly; Path=/', replace: '; Path=/' },
  // Visible only in what is asked of a dependency.
  { name: 'charges-another-amount', kind: 'regression', stateOnly: true, find: 'amount: cart.total, customer', replace: 'amount: cart.total + 1, customer' },
  // Visible only in the state left behind.
  { name: 'wrong-cart-expiry', kind: 'regression', stateOnly: true, find: 'await redis.expire(`cart:${id}:items`, day);', replace: 'await redis.expire(`cart:${id}:items`, 3600);' },
  { name: 'session-not-refreshed', kind: 'regression', stateOnly: true, find: '  await redis.expire(`session:${token}`, 1800);\n', replace: '' },
  { name: 'dropped-active-removal', kind: 'regression', stateOnly: true, find: "    .srem('carts:active', id)\n", replace: '' },
  { name: 'double-increment', kind: 'regression', stateOnly: true, find: "await redis.incr('stats:added');", replace: "await redis.incr('stats:added'); await redis.incr('stats:added');" },
  { name: 'wrong-field', kind: 'regression', stateOnly: true, find: "'updatedAt', Date.now()", replace: "'updated', Date.now()" },
  { name: 'extra-write', kind: 'regression', stateOnly: true, find: "await redis.incr('stats:removed');", replace: "await redis.incr('stats:removed'); await redis.set('stats:lastRemoved', sku);" },
  { name: 'receipt-without-expiry', kind: 'regression', stateOnly: true, find: ", user: session.user }), 'EX', 30 * day);", replace: ', user: session.user }));' },
  { name: 'dropped-late-write', kind: 'regression', stateOnly: true, find: '  result.late?.();\n', replace: '' },
  { name: 'currency-no-longer-written', kind: 'regression', stateOnly: true, find: "'updatedAt', Date.now(), 'currency', 'EUR')", replace: "'updatedAt', Date.now())" },
  { name: 'stale-quote-kept', kind: 'regression', stateOnly: true, find: '  await redis.del(`cart:${id}:quote`);\n', replace: '' },
  { name: 'message-not-published', kind: 'regression', stateOnly: true, find: "  await redis.publish('orders', orderId);\n", replace: '' },
  // Harmless.
  { name: 'extra-read', kind: 'benign', find: "  const product = await catalogue(`/products/${sku}`);\n  const count", replace: "  const product = await catalogue(`/products/${sku}`);\n  await redis.get('stats:added');\n  const count" },
  { name: 'pipelined', kind: 'benign', find: "  await redis.expire(`cart:${id}`, day);\n  await redis.expire(`cart:${id}:items`, day);\n  await redis.zincrby('products:popular', quantity, sku);\n", replace: "  await redis.pipeline().expire(`cart:${id}`, day).expire(`cart:${id}:items`, day).zincrby('products:popular', quantity, sku).exec();\n" },
  { name: 'reordered-writes', kind: 'benign', find: "  await redis.ltrim(`cart:${id}:log`, 0, 9);\n  await redis.incr('stats:added');\n", replace: "  await redis.incr('stats:added');\n  await redis.ltrim(`cart:${id}:log`, 0, 9);\n" },
  { name: 'setex-for-set-ex', kind: 'benign', find: "redis.set(`session:${token}`, JSON.stringify({ user, since: Date.now() }), 'EX', 1800)", replace: "redis.setex(`session:${token}`, 1800, JSON.stringify({ user, since: Date.now() }))" },
  { name: 'other-id-generator', kind: 'benign', find: "randomBytes(9).toString('base64url')", replace: "Array.from({ length: 12 }, () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'[Math.floor(Math.random() * 64)]).join('')" },
];
