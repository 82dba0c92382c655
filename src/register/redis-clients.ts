/**
 * Redis clients: each command says which request it belongs to. The request is read where the caller creates the command, because by
 * the time of sending the context is that of whoever flushed; the tag is put on the wire there, `FS.L <tag> <command…>`.
 */
import { patchCache, patchConnect, patchPool } from './client-connections.ts';
import { currentContext, hold, holdUntil, release, storage } from './context.ts';
import type { RequestContext } from './context.ts';
import type { Family } from './loaded-clients.ts';
import { property, wrapMethod } from './patching.ts';
import { announceWrite, leadsToRedisGateway, leaveTagsTo } from './sockets.ts';
import { laneCommand } from '../model/preload-protocol.ts';

/** Commands about the connection: shared by all requests, and sent by whichever of them happened to open it. */
const connectionLevel = new Set([
  'hello', 'auth', 'select', 'client', 'info', 'readonly', 'readwrite', 'quit', 'reset', 'asking', 'cluster', 'monitor', 'sync', 'psync',
]);
/** node-redis keeps one subscriber per connection for all callers. */
const subscriptions = new Set(['subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe']);

const ownerOf = Symbol('foreshard.owner');

interface Owned {
  /** The command's request; null: nobody's. */
  [ownerOf]?: RequestContext | null;
}

/** The owner of a command, decided once: a retry runs in somebody else's context. */
function claim(command: Owned, name: unknown): RequestContext | null {
  const known = command[ownerOf];
  if (known !== undefined) return known;
  const owner = connectionLevel.has(String(name).toLowerCase()) ? null : currentContext() ?? null;
  command[ownerOf] = owner;
  return owner;
}

/** Puts the tag in front of an encoded command, `*3 $3 SET …`; anything else passes unchanged. */
export function tagFrame(frame: unknown, commandHead: string): unknown {
  if (typeof frame === 'string') {
    const end = frame.indexOf('\r\n');
    return frame[0] === '*' && end > 0 ? `*${Number(frame.slice(1, end)) + 2}\r\n${commandHead}${frame.slice(end + 2)}` : frame;
  }
  if (!Buffer.isBuffer(frame) || frame[0] !== 0x2a) return frame;
  const end = frame.indexOf('\r\n');
  const head = `*${Number(frame.toString('latin1', 1, end)) + 2}\r\n${commandHead}`;
  return Buffer.concat([Buffer.from(head, 'latin1'), frame.subarray(end + 2)]);
}

type Decide = (stream: unknown) => boolean;

/** ioredis 4 to 6 and iovalkey: class Command. */
function patchIoredisCommand(prototype: object, goesToGateway: Decide): void {
  wrapMethod(prototype, 'initPromise', original => function (this: unknown) {
    Reflect.apply(original, this, []);
    const owner = claim(this as Owned, property(this, 'name'));
    if (owner !== null) holdUntil(owner, property(this, 'promise'));
  });
  wrapMethod(prototype, 'toWritable', original => function (this: unknown, ...args) {
    // Version 4 does not say to which stream it goes.
    if (typeof args[0] === 'object') leaveTagsTo(args[0]);
    else announceWrite(true);
    const frame = Reflect.apply(original, this, args);
    const owner = (this as Owned)[ownerOf];
    return owner && goesToGateway(args[0]) ? tagFrame(frame, owner.commandHead) : frame;
  });
}

/** node-redis 4 to 6 (@redis/client): class RedisCommandsQueue, which single commands, pipelines and every member of MULTI pass. */
function patchCommandsQueue(prototype: object, goesToGateway: Decide): void {
  wrapMethod(prototype, 'addCommand', original => function (this: unknown, ...args) {
    const context = currentContext();
    const [command, ...rest] = args as [readonly unknown[], ...unknown[]];
    const name = String(command[0]).toLowerCase();
    if (context === undefined || connectionLevel.has(name) || subscriptions.has(name)) return Reflect.apply(original, this, args);
    const sent = goesToGateway(undefined) ? [laneCommand, context.laneTag, ...command] : command;
    const promise = Reflect.apply(original, this, [sent, ...rest]);
    holdUntil(context, promise);
    return promise;
  });
  // Version 4 asks for one command after the other, 5 and 6 for all there are.
  wrapMethod(prototype, 'getCommandToSend', original => function (this: unknown, ...args) {
    const command = Reflect.apply(original, this, args);
    announceWrite(command !== undefined);
    return command;
  });
  wrapMethod(prototype, 'commandsToWrite', original => function* (this: unknown, ...args: unknown[]) {
    try {
      for (const command of Reflect.apply(original, this, args) as Iterable<unknown>) {
        announceWrite(true);
        yield command;
      }
    } finally {
      announceWrite(false);
    }
  });
}

interface OldCommand extends Owned {
  readonly command: string;
  callback?: ((...args: unknown[]) => unknown) | undefined;
}

/** node_redis 2 and 3: class RedisClient. A command made offline passes twice; its first write of each pass is its head. */
function patchOldClient(prototype: object, goesToGateway: Decide): void {
  wrapMethod(prototype, 'internal_send_command', original => function (this: unknown, ...args) {
    const client = this as { stream?: unknown; write: (data: unknown) => unknown; emit: (event: string, error: unknown) => unknown };
    leaveTagsTo(client.stream);
    const command = args[0] as OldCommand;
    const first = command[ownerOf] === undefined;
    const owner = claim(command, subscriptions.has(command.command) ? 'reset' : command.command);
    if (owner === null) return Reflect.apply(original, this, args);
    if (first) holdUntilAnswered(command, owner, error => client.emit('error', error));
    if (!goesToGateway(client.stream)) return Reflect.apply(original, this, args);
    const { write } = client;
    client.write = data => {
      client.write = write;
      return Reflect.apply(write, client, [tagFrame(data, owner.commandHead)]);
    };
    try {
      return Reflect.apply(original, this, args);
    } finally {
      client.write = write;
    }
  });
}

/** Its callbacks are called from the socket's events, which belong to nobody: what a request does in one is the request's. */
function holdUntilAnswered(command: OldCommand, owner: RequestContext, emitError: (error: unknown) => void): void {
  const { callback } = command;
  hold(owner);
  command.callback = function (this: unknown, ...values: unknown[]): unknown {
    try {
      return storage.run(owner, () => {
        if (callback !== undefined) return Reflect.apply(callback, this, values);
        if (values[0] instanceof Error) emitError(values[0]);
      });
    } finally {
      release(owner);
    }
  };
}

interface RedisFamily extends Omit<Family, 'patch'> {
  readonly patch: (prototype: object, goesToGateway: Decide) => void;
}

const defaultPrototype = (exports: unknown): unknown => property(property(exports, 'default'), 'prototype');

const families: readonly RedisFamily[] = [
  {
    request: /[\\/][cC]ommand(?:\.js)?$/,
    prototypeIn: defaultPrototype,
    method: 'initPromise',
    besides: ['toWritable'],
    patch: patchIoredisCommand,
  },
  {
    request: /[\\/]commands-queue(?:\.js)?$/,
    prototypeIn: defaultPrototype,
    method: 'addCommand',
    besides: ['commandsToWrite', 'getCommandToSend'],
    patch: patchCommandsQueue,
  },
  {
    request: /(?:^|[\\/])(?:node_)?redis[^\\/]*(?:[\\/]index\.js)?$/,
    prototypeIn: exports => property(property(exports, 'RedisClient'), 'prototype'),
    method: 'internal_send_command',
    besides: ['internal_send_command'],
    patch: patchOldClient,
  },
  // ioredis: Redis and Cluster
  {
    request: /[\\/](?:[rR]edis|cluster)(?:[\\/]index)?(?:\.js)?$/,
    prototypeIn: defaultPrototype,
    method: 'connect',
    besides: ['setStatus'],
    patch: patchConnect,
  },
  // node-redis 4 to 6: RedisSocket
  {
    request: /[\\/]socket(?:\.js)?$/,
    prototypeIn: defaultPrototype,
    method: 'connect',
    besides: ['defaultReconnectStrategy', 'writeCommand'],
    patch: patchConnect,
  },
  {
    request: /[\\/]pool(?:\.js)?$/,
    prototypeIn: exports => property(property(exports, 'RedisClientPool'), 'prototype'),
    method: 'execute',
    besides: ['withTypeMapping'],
    patch: patchPool,
  },
  {
    request: /[\\/]cache(?:\.js)?$/,
    prototypeIn: exports => property(property(exports, 'BasicClientSideCache'), 'prototype'),
    method: 'trackingOn',
    besides: ['handleCache'],
    patch: patchCache,
  },
];

/** Families of Redis clients. `hasRedis`: whether any redirect leads to a Redis gateway; where a socket is at hand, it decides. */
export function redisClients(hasRedis: boolean): Family[] {
  const goesToGateway: Decide = stream => hasRedis && (typeof stream !== 'object' || stream === null || leadsToRedisGateway(stream));
  return families.map(family => ({ ...family, patch: prototype => family.patch(prototype, goesToGateway) }));
}
