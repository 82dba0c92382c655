import { expect, test } from 'vitest';
import { IdleHabits } from './idle-habits.ts';
import { spanOf } from './span.ts';

test('what a thread does by itself says nothing of what it does once it has something to do', () => {
  const habits = new IdleHabits();
  habits.renewed('0 1', 'futex', 400);
  expect(habits.isIdle('0 1', 'futex', { earliest: 390, latest: 401 })).toBe(true);
  expect(habits.isVain('0 1', 'futex', spanOf(400))).toBe(false);
  expect([habits.isIdle('0 2', 'futex', spanOf(400)), habits.isIdle('0 1', 'poll', spanOf(400)), habits.isIdle('0 1', 'futex', spanOf(250))]).toEqual([false, false, false]);
});

test('a wait that comes to nothing twice is not waited for; short ones are, but for those of its own', () => {
  const habits = new IdleHabits();
  for (const lengthMs of [800, 300]) for (let time = 0; time < 2; time++) habits.ended('0 1', 'futex', lengthMs, true);
  expect(habits.isVain('0 1', 'futex', spanOf(800))).toBe(true);
  expect(habits.isVain('0 1', 'futex', spanOf(300))).toBe(false);
  habits.renewed('0 1', 'futex', 301);
  expect(habits.isVain('0 1', 'futex', spanOf(300))).toBe(true);
});

test('one that something came of is waited for again', () => {
  const habits = new IdleHabits();
  for (const inVain of [true, true, true, false, true, true, true]) habits.ended('0 1', 'futex', 800, inVain);
  expect(habits.isVain('0 1', 'futex', spanOf(800))).toBe(false);
});

test('periods of a thread, and of all threads of a process', () => {
  const habits = new IdleHabits();
  habits.renewed('1 2', 'epoll_wait', 2_000);
  habits.renewed('10 1', 'epoll_wait', 300);
  expect([...habits.periods('1', 'epoll_wait')]).toEqual([2_000]);
  expect([...habits.periods('1 2', 'epoll_wait')]).toEqual([2_000]);
  expect([...habits.periods('1 1', 'epoll_wait')]).toEqual([]);
});
