/** Calls of many requests over few connections: which request each belongs to, and what is done with its response. */
import { expect, test } from 'vitest';
import { attribution, calls, sendMany, startService, useRegister } from './fixtures/register/harness.ts';

useRegister();

test('what a request does in the callbacks and events of its calls is the request’s, whichever opened the connection', async () => {
  const service = await startService('calling-service.cjs');
  try {
    const count = 60;
    await sendMany(service, 'calls', count, number => `calls${number}`);
    expect(calls).toHaveLength(count * 7);
    expect(attribution('calls')).toEqual({ right: count * (5 + 11), wrong: 0, missing: 0, transactions: 0 });
    for (let number = 0; number < count; number++) await service.waitFor(message => message.type === 'idle' && message.tag === `calls${number}`);
  } finally {
    await service.stop();
  }
});
