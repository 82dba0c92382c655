// Drives redis-commander through its HTTP API on keys of every type: node traffic.js <url> <redis host:port> [users] [at a time]
const [url = 'http://127.0.0.1:8081', redis = '127.0.0.1:6379', users = '12', atATime = '4'] = process.argv.slice(2);
const connection = `R:${redis}:0`;

async function send(method, path, body) {
  const response = await fetch(`${url}/apiv2${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify({ connectionId: connection, ...body }) }),
  });
  await response.arrayBuffer();
}

async function user(number) {
  const key = (name) => `u${number % 5}:${name}`;
  const path = (name) => `/key/${connection}/${encodeURIComponent(key(name))}`;
  await send('POST', path('text'), { keyType: 'string', stringValue: `text ${number}` });
  await send('POST', path('tasks'), { keyType: 'list', stringValue: `task ${number}` });
  await send('POST', '/list/value', { key: key('tasks'), value: `later ${number}`, type: 'rpush' });
  await send('POST', path('tags'), { keyType: 'set', stringValue: `tag${number % 3}` });
  await send('POST', '/set/member', { key: key('tags'), value: `tag${number}` });
  await send('POST', path('scores'), { keyType: 'zset', stringValue: `player${number}`, keyScore: String(number * 3) });
  await send('POST', path('profile'), { keyType: 'hash', fieldName: 'name', stringValue: `name ${number}` });
  await send('POST', '/hash/field', { key: key('profile'), field: `visit${number}`, value: String(number) });
  await send('POST', path('events'), { keyType: 'stream', keyTimestamp: '*', fieldValue: 'kind', stringValue: `seen ${number}` });
  for (const name of ['text', 'tasks', 'tags', 'scores', 'profile', 'events', 'missing']) await send('GET', path(name));
  await send('GET', `/hash/key/${connection}/${encodeURIComponent(key('profile'))}?field=name`);
  await send('PUT', '/list/value', { key: key('tasks'), index: 0, value: `done ${number}` });
  await send('PUT', '/hash/field', { key: key('profile'), field: 'name', value: `renamed ${number}` });
  await send('DELETE', '/set/member', { key: key('tags'), value: `tag${number}` });
  await send('PUT', '/zset/member', { key: key('scores'), score: '99', value: `player${number}`, oldValue: `player${number}` });
  await send('POST', `/exec/${connection}`, { cmd: `expire ${key('text')} 3600` });
  await send('POST', `/exec/${connection}`, { cmd: `incrby counter ${number + 1}` });
  await send('GET', path('text'));
  await send('GET', `/keystree/${connection}/u${number % 5}:`);
  await send('GET', `/keystree/${connection}`);
  await send('GET', '/connection');
  if (number % 4 === 3) await send('POST', `${path('text')}?action=delete`);
}

let next = 0;
await Promise.all(Array.from({ length: Number(atATime) }, async () => {
  while (next < Number(users)) await user(next++);
}));
