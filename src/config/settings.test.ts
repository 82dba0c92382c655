import { expect, test } from 'vitest';
import { serviceOf } from './settings.ts';

test('variables in front of a command are its environment', () => {
  const spec = serviceOf({ service: { env: { A: '1', B: '2' } } }, "B=x 'C=a b' node server.js D=4");
  expect(spec).toMatchObject({ command: ['node', 'server.js', 'D=4'], env: { A: '1', B: 'x', C: 'a b' } });
  expect(() => serviceOf({}, 'A=1')).toThrow(/no program to start/);
});

test('flags win over the configuration', () => {
  const config = { service: { command: 'node a.js', port: 1, ready: '/a' } };
  expect(serviceOf(config, undefined, { port: 2, ready: '/b' })).toMatchObject({ port: 2, readyPath: '/b' });
  expect(serviceOf(config, undefined)).toMatchObject({ port: 1, readyPath: '/a' });
});
