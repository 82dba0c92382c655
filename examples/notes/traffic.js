// Sends the notes service some writers: node traffic.js <url> [writers] [at a time]
const [url = 'http://127.0.0.1:8077', writers = '20', atATime = '4'] = process.argv.slice(2);
const words = ['tea', 'rain', 'harbour', 'stone', 'lamp', 'winter', 'letter', 'bread'];

async function send(method, path, { body, cookie } = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(cookie === undefined ? {} : { cookie }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json(), cookie: response.headers.get('set-cookie')?.split(';')[0] };
}

async function writer(number) {
  const { cookie } = await send('POST', '/login', { body: { user: `writer${number % 6}` } });
  const ids = [];
  for (let note = 0; note < 3 + (number % 3); note++) {
    const text = Array.from({ length: 3 + ((number + note) % 4) }, (_, index) => words[(number * 3 + note * 5 + index * 2) % words.length]).join(' ');
    ids.push((await send('POST', '/notes', { body: { text }, cookie })).body.id);
    if (note % 2 === 0) await send('POST', `/notes/${ids.at(-1)}/publish`, { body: {}, cookie });
    await send('GET', `/notes/${ids[0]}`, { cookie });
    await send('GET', '/public');
  }
  await send('GET', '/notes', { cookie });
  await send('GET', `/search/${words[number % words.length]}`);
  if (number % 2 === 0) await send('DELETE', `/notes/${ids[0]}`, { cookie });
  if (number % 5 === 0) await send('GET', '/notes');
  await send('GET', `/notes/${ids[0]}`, { cookie });
}

let next = 0;
await Promise.all(Array.from({ length: Number(atATime) }, async () => {
  while (next < Number(writers)) await writer(next++);
}));
