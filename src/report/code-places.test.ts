import { describe, expect, it } from 'vitest';
import { utf8ByteString } from '../lib/bytes.ts';
import { withoutCodePlaces } from './code-places.ts';
import { compareOutcomes } from './compare.ts';
import { effectOf, jsonResponse, outcomeOf, stringOf } from './outcome.ts';

const at = (line: number, column: number, file = '/app/src/cart.js'): string => `${file}:${line}:${column}`;
const stack = (message: string, name: string, line: number): string => `Error: ${message}\n    at ${name} (${at(line, 7)})\n    at async Layer.handle [as handle_request] (${at(line + 9, 1, '/app/node_modules/express/lib/layer.js')})\n    at ${at(line, 3)}`;

describe('places in the code', () => {
  it('are taken out of frames of any language', () => {
    for (const [text, expected] of [
      ['    at add (/app/cart.js:12:34)', '    at add (…)'],
      ['at new Cart (file:///app/cart.mjs:1:2)', 'at new Cart (…)'],
      ['at Object.<anonymous> (C:\\app\\cart.js:1:2)', 'at Object.<anonymous> (…)'],
      ['at process.processTicksAndRejections (node:internal/process/task_queues:95:5)', 'at process.processTicksAndRejections (…)'],
      ['Error: no<br> &nbsp; &nbsp;at add (/app/a.js:1:2)<br> &nbsp; &nbsp;at /app/b.js:3:4</pre>', 'Error: no<br> &nbsp; &nbsp;at add (…)<br> &nbsp; &nbsp;at …</pre>'],
      ['  File "/app/cart.py", line 12, in add', '  File "…", line …, in add'],
      ['\tat shop.Cart.add(Cart.java:12)', '\tat shop.Cart.add(…)'],
      ['main.add()\n\t/app/main.go:12 +0x1d\n', 'main.add()\n\t…\n'],
      ['/app/cart.rb:12:in `add\'', '…:in `add\''],
    ] as const) expect(withoutCodePlaces(text)).toBe(expected);
  });
  it('are nothing else that has colons and numbers', () => {
    for (const text of ['meet at 10:30:15', 'http://host:8080/x:1:2', 'redis://127.0.0.1:6379', 'look at this (page 3:4)', 'ratio 1:2:3', '2026-01-01T10:00:00Z', 'line 12 of 14']) expect(withoutCodePlaces(text)).toBe(text);
  });
  it('differ without being a difference, in answers, pages and jobs; messages and functions are compared', () => {
    const outcome = (text: string): ReturnType<typeof outcomeOf> => outcomeOf({
      response: jsonResponse({ error: { stack: text } }), effects: [effectOf('job', stringOf(JSON.stringify({ failed: [text] }))), effectOf('log', stringOf(text))],
    });
    const page = (text: string): ReturnType<typeof outcomeOf> => outcomeOf({ response: { status: 500, headers: [['content-type', 'text/html']], body: utf8ByteString(`<pre>${text}</pre>`) } });
    for (const made of [outcome, page]) {
      const count = (text: string): number => compareOutcomes(made(stack('no', 'add', 12)), made(text)).length;
      expect(count(stack('no', 'add', 13))).toBe(0);
      expect(count(stack('no', 'add', 12).replaceAll('/app/src/', '/srv/shop/lib/'))).toBe(0);
      expect(count(stack('nothing', 'add', 12))).toBeGreaterThan(0);
      expect(count(stack('no', 'remove', 13))).toBeGreaterThan(0);
      expect(count(stack('no', 'add', 12).split('\n').slice(0, -1).join('\n'))).toBeGreaterThan(0);
    }
  });
});
