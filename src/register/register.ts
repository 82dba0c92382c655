/**
 * The preload: `node --import foreshard/register service.js`. It tells gateways which request each command and call belongs to, gives
 * each request its own time and randomness, and reports when a request has nothing under way any more. Without FORESHARD_PRELOAD in
 * the environment it does nothing. It never throws into the service: a patch that fails is skipped and reported.
 */
import { syncBuiltinESMExports } from 'node:module';
import { inheritedTagVariable, preloadSettingsVariable } from '../model/preload-protocol.ts';
import type { PreloadSettings } from '../model/preload-protocol.ts';
import { installChildren } from './children.ts';
import { inheritContext, onIdle, openContext } from './context.ts';
import { connectControl } from './control.ts';
import { installFiles } from './files.ts';
import { installHttpClients } from './http-clients.ts';
import { installHttpServer } from './http-server.ts';
import { installListeners } from './listeners.ts';
import { installLoadedClients } from './loaded-clients.ts';
import { attempt, onProblem, problems } from './patching.ts';
import { installRandomness } from './randomness.ts';
import { RedirectTable } from './redirects.ts';
import { redisClients } from './redis-clients.ts';
import { installSockets } from './sockets.ts';
import { installThreadPool } from './thread-pool.ts';
import { installTime } from './time.ts';
import { installTimers } from './timers.ts';
import { installTls } from './tls.ts';
import { undiciPools } from './undici.ts';

const installed = Symbol.for('foreshard.register');

function install(settings: PreloadSettings): void {
  const control = connectControl(settings, problems);
  const table = new RedirectTable(settings.redirects);
  onIdle(tag => control.send({ type: 'idle', tag }));
  if (settings.determinism === 'request') {
    attempt('time', () => installTime(settings.backgroundClockOffsetMs));
    attempt('randomness', installRandomness);
  }
  attempt('timers', installTimers);
  attempt('files', installFiles);
  installThreadPool();
  attempt('sockets', () => installSockets(table, control));
  attempt('tls', () => installTls(table));
  attempt('listeners', () => installListeners(table, control, settings));
  attempt('http servers', installHttpServer);
  attempt('http clients', () => installHttpClients(table));
  attempt('client libraries', () => installLoadedClients([...redisClients(table.hasRedis), undiciPools]));
  attempt('child processes', () => installChildren(import.meta.url));
  attempt('ESM exports', syncBuiltinESMExports);
  const inherited = process.env[inheritedTagVariable];
  const context = inherited === undefined ? undefined : openContext(inherited);
  if (context !== undefined) inheritContext(context);
  control.hello();
  onProblem(() => control.hello());
}

function start(text: string): void {
  if (Reflect.get(globalThis, installed) === true) return;
  Object.defineProperty(globalThis, installed, { value: true });
  try {
    install(JSON.parse(text) as PreloadSettings);
  } catch (error) {
    process.stderr.write(`foreshard: the preload could not start and does nothing: ${String(error)}\n`);
  }
}

const settings = process.env[preloadSettingsVariable];
if (settings !== undefined && settings !== '') start(settings);
