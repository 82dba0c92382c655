/** Calls that go out by HTTP: they carry the tag to the gateway, and count as pending until the response is through. */
import http from 'node:http';
import { contextHeader } from '../model/preload-protocol.ts';
import { currentContext, hold, release } from './context.ts';
import { carry, emitInContext } from './http-server.ts';
import { property, wrapMethod } from './patching.ts';
import type { RedirectTable } from './redirects.ts';
import { watchUndici } from './undici.ts';

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
      carry(request, context);
      hold(context);
      request.once('close', () => release(context));
      const local = options.socketPath !== undefined && options.socketPath !== null;
      if (!local && table.carriesTag(options.host ?? 'localhost', Number(options.port ?? 80))) addHeader(request, context.tag);
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

/** Patches node:http's requests and agents, and listens to undici. */
export function installHttpClients(table: RedirectTable): void {
  wrapMethod(http.ClientRequest.prototype, 'emit', emitInContext);
  patchAgent(table);
  watchUndici(table);
}
