import { existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { openLocalDoor, openLocalDoors } from './local-doors.ts';

function said(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
      socket.end();
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const echo = (prefix: string) => (socket: Socket): void => void socket.on('data', (chunk) => socket.write(`${prefix}${String(chunk)}`)).on('end', () => socket.end());

test.skipIf(process.platform === 'win32')('a door hands its connections over, for this user alone, and is gone when it is closed', async () => {
  const door = await openLocalDoor(echo('heard '));
  if (door === undefined) throw new Error('no door');
  expect(await said(door.path, 'this')).toBe('heard this');
  expect(statSync(dirname(door.path)).mode & 0o777).toBe(0o700);
  const open = connect(door.path);
  await new Promise((resolve) => open.once('connect', resolve));
  const closed = new Promise((resolve) => open.once('close', resolve));
  await door.close();
  await closed;
  expect(existsSync(door.path)).toBe(false);
  await expect(said(door.path, 'again')).rejects.toThrow(/ENOENT|ECONNREFUSED/);
});

test.skipIf(process.platform === 'win32')('each redirect gets a door of its own and keeps its address', async () => {
  const redirects = [
    { kind: 'redis' as const, name: 'redis', from: 'cache:6379', to: { host: '127.0.0.1', port: 1 } },
    { kind: 'http' as const, name: 'shop', from: 'shop:80', to: { host: '127.0.0.1', port: 2 } },
  ];
  const doors = await openLocalDoors(redirects, ({ name }, socket) => echo(`${name} `)(socket));
  expect(doors.redirects).toMatchObject(redirects);
  const paths = doors.redirects.map(({ to }) => to.path ?? '');
  expect(await Promise.all(paths.map((path) => said(path, 'hears')))).toEqual(['redis hears', 'shop hears']);
  await doors.close();
  expect(paths.some((path) => existsSync(path))).toBe(false);
});
