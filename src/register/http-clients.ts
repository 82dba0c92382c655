/** Calls that go out by HTTP: they carry the tag to the gateway, and count as pending until the response is through. */
import { subscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import { contextHeader } from '../model/preload-protocol.ts';
import { currentContext, hold, release } from './context.ts';
import type { RequestContext } from './context.ts';
import { property, wrapMethod } from './patching.ts';
import type { RedirectTable } from './redirects.ts';

function carriesTag(table: RedirectTable, host: string, port: number): boolean {
  const kind = table.find(host, port)?.kind;
  return kind === 'http' || kind === 'own';
}

/**
 * node:http and node:https: every request passes its agent's `addRequest` while it is constructed, in the caller's context and before
 * anything is sent. Where the head is fixed already (headers given as a list, Expect), the line goes into its text.
 */
function patchAgent(table: RedirectTable): void {
  wrapMethod(http.Agent.prototype, 'addRequest', original => function (this: unknown, ...args) {
    const context = currentContext();
    if (context !== undefined) {
      const request = args[0] as http.ClientRequest;
      const options = (typeof args[1] === 'string' ? { host: args[1], port: args[2] } : args[1]) as { host?: string; port?: unknown; socketPath?: unknown };
      hold(context);
      request.once('close', () => release(context));
      const local = options.socketPath !== undefined && options.socketPath !== null;
      if (!local && carriesTag(table, options.host ?? 'localhost', Number(options.port ?? 80))) addHeader(request, context.tag);
    }
    return Reflect.apply(original, this, args);
  });
}

function addHeader(request: http.ClientRequest, tag: string): void {
  const head = property(request, '_header');
  if (typeof head !== 'string') {
    request.setHeader(contextHeader, tag);
    return;
  }
  const line = `${contextHeader}: ${tag}\r\n`;
  Reflect.set(request, '_header', withLine(head, line));
  // With Expect, the head waits in the output already.
  const waiting = property(property(request, 'outputData'), 0) as { data?: unknown } | undefined;
  if (typeof waiting?.data !== 'string' || !waiting.data.startsWith(head)) return;
  waiting.data = withLine(waiting.data, line);
  Reflect.set(request, 'outputSize', Number(property(request, 'outputSize')) + line.length);
}

function withLine(head: string, line: string): string {
  const firstLine = head.indexOf('\r\n') + 2;
  return head.slice(0, firstLine) + line + head.slice(firstLine);
}

interface UndiciRequest {
  readonly origin?: unknown;
  addHeader?(name: string, value: string): unknown;
}

/** The origin's host and port, as the connection will be asked for. */
function addressOf(origin: unknown): { host: string; port: number } | undefined {
  const text = String(origin);
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return { host: url.hostname, port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port) };
}

/** undici, from npm or built in (`fetch`): its diagnostics channels run in the caller's context. */
function watchUndici(table: RedirectTable): void {
  const owners = new WeakMap<object, RequestContext>();
  const tagged = new Map<unknown, boolean>();
  const originIsTagged = (origin: unknown): boolean => {
    const known = tagged.get(origin);
    if (known !== undefined) return known;
    const address = addressOf(origin);
    const answer = address !== undefined && carriesTag(table, address.host, address.port);
    // Listeners of this process come and go: only what the tool redirects is remembered.
    if (answer && typeof origin === 'string' && tagged.size < 1000 && address !== undefined && table.find(address.host, address.port)?.kind === 'http') tagged.set(origin, true);
    return answer;
  };
  subscribe('undici:request:create', message => {
    const context = currentContext();
    const request = property(message, 'request') as (UndiciRequest & object) | undefined;
    if (context === undefined || request === undefined) return;
    owners.set(request, context);
    hold(context);
    if (originIsTagged(request.origin)) request.addHeader?.(contextHeader, context.tag);
  });
  const ended = (message: unknown): void => {
    const request = property(message, 'request') as object;
    const context = owners.get(request);
    if (context === undefined) return;
    owners.delete(request);
    release(context);
  };
  subscribe('undici:request:trailers', ended);
  subscribe('undici:request:error', ended);
}

/** Patches node:http's agents and listens to undici. */
export function installHttpClients(table: RedirectTable): void {
  patchAgent(table);
  watchUndici(table);
}
