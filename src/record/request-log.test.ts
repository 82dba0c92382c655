import { describe, expect, test } from 'vitest';
import { OpenRequest } from './request-log.ts';

const both = { read: true, written: true };
const open = (): OpenRequest => new OpenRequest({ index: 1, position: 1, at: 0, lane: 'lane-1', attribution: 'context' });
const body = { endPosition: 2, durationMs: 1, request: { method: 'GET', target: '/', headers: [], body: null }, response: null };
const racedIn = (request: OpenRequest): boolean => request.finish(body).touches.some((touch) => touch.raced === true);

describe('what changed while a request ran', () => {
  test('its own writes are no race', () => {
    const request = open();
    request.touch('redis:0/k', 4, both);
    request.write('redis:0/k', 5);
    request.touch('redis:0/k', 5, both);
    request.write('redis:0/k', 6);
    request.touch('redis:0/k', 6, { read: true, written: false });
    expect(request.finish(body).touches).toEqual([{ key: 'redis:0/k', revision: 4, read: true, written: true }]);
  });
  test('a revision of somebody else between two uses is one', () => {
    const request = open();
    request.touch('redis:0/k', 4, { read: true, written: false });
    request.touch('redis:0/k', 5, both);
    request.write('redis:0/k', 6);
    expect(request.finish(body).touches).toEqual([{ key: 'redis:0/k', revision: 4, read: true, written: true, raced: true }]);
  });
  test('so is one that the gateway saw served to a waiter, and keys may come and go between two listings', () => {
    const request = open();
    request.touch('redis:0/k', 4, { ...both, raced: true });
    request.listing(7);
    expect(request.finish(body)).toMatchObject({ touches: [{ raced: true }], listedAt: 7 });
    expect(request.finish(body).listedUntil).toBeUndefined();
    request.listing(9);
    expect(request.finish(body)).toMatchObject({ listedAt: 7, listedUntil: 9 });
  });
  test('so it is where the write is told before the touch, as after a script', () => {
    const scripted = (first: number, wrote: number): boolean => {
      const request = open();
      request.touch('redis:0/k', first, { read: true, written: false });
      request.write('redis:0/k', wrote);
      request.touch('redis:0/k', wrote - 1, both);
      return racedIn(request);
    };
    expect([scripted(4, 5), scripted(4, 6)]).toEqual([false, true]);
    const alone = open();
    alone.write('redis:0/k', 8);
    alone.touch('redis:0/k', 7, both);
    expect(racedIn(alone)).toBe(false);
  });
});
