import { pathTemplate } from '../../model/route.ts';
import { textAttribute, type Attributes, type TraceSpan } from './span.ts';

/** The request that a SERVER span stands for. */
export interface ServedRequest {
  readonly route: string;
  readonly target: string | null;
  readonly actor: string | null;
}

/** Whom a CLIENT span calls. */
export interface Callee {
  readonly service: string;
  readonly route: string;
}

/**
 * The request of a SERVER span by the semantic conventions of HTTP and RPC, those of today and those before 2023; undefined where it is
 * of another protocol. The route is `http.route` where the framework told it, else the path with its ids generalised.
 */
export function servedRequest({ attributes, name }: TraceSpan): ServedRequest | undefined {
  const method = methodOf(attributes);
  if (method === undefined) return rpcRequest(attributes);
  const target = targetOf(attributes) ?? null;
  const route = textAttribute(attributes, 'http.route') ?? (target === null ? pathOfName(name) : pathTemplate(target));
  if (route === undefined) return undefined;
  return { route: `${method} ${route.startsWith('/') || route === '*' ? route : `/${route}`}`, target, actor: actorOf(attributes) };
}

/** Whom a CLIENT span of HTTP or RPC calls, by `peer.service` or else by the address; undefined for other spans (databases, queues). */
export function calleeOf({ attributes }: TraceSpan): Callee | undefined {
  if (attributes.has('db.system') || attributes.has('db.system.name') || attributes.has('messaging.system')) return undefined;
  const service = textAttribute(attributes, 'service.peer.name', 'peer.service', 'server.address', 'net.peer.name', 'http.host', 'net.peer.ip')
    ?? hostOf(textAttribute(attributes, 'url.full', 'http.url'));
  if (service === undefined) return undefined;
  const method = methodOf(attributes);
  if (method === undefined) {
    const request = rpcRequest(attributes);
    return request === undefined ? undefined : { service, route: request.route };
  }
  const template = textAttribute(attributes, 'url.template');
  return { service, route: `${method} ${template ?? pathTemplate(targetOf(attributes) ?? '/')}` };
}

function methodOf(attributes: Attributes): string | undefined {
  const method = textAttribute(attributes, 'http.request.method', 'http.method');
  return (method === '_OTHER' ? textAttribute(attributes, 'http.request.method_original') : method)?.toUpperCase();
}

/** Path and query, as on the request line. */
function targetOf(attributes: Attributes): string | undefined {
  const path = textAttribute(attributes, 'url.path');
  if (path !== undefined) {
    // server spans have the query without its question mark, some client spans with it
    const query = textAttribute(attributes, 'url.query')?.replace(/^\?/, '') ?? '';
    return query === '' ? path : `${path}?${query}`;
  }
  const target = textAttribute(attributes, 'http.target');
  if (target !== undefined) return target;
  const url = textAttribute(attributes, 'url.full', 'http.url');
  if (url === undefined) return undefined;
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** gRPC and its kin: a call of a method is a POST to `/package.Service/Method`. */
function rpcRequest(attributes: Attributes): ServedRequest | undefined {
  if (textAttribute(attributes, 'rpc.system', 'rpc.system.name') === undefined) return undefined;
  const method = textAttribute(attributes, 'rpc.method');
  if (method === undefined) return undefined;
  const service = textAttribute(attributes, 'rpc.service');
  const path = service === undefined ? `/${method.replace(/^\//, '')}` : `/${service}/${method}`;
  return { route: `POST ${path}`, target: null, actor: actorOf(attributes) };
}

function actorOf(attributes: Attributes): string | null {
  return textAttribute(attributes, 'enduser.id', 'user.id', 'session.id', 'client.address', 'http.client_ip') ?? null;
}

/** Some instrumentations tell the route only in the span's name: `GET /cart/:id`. */
function pathOfName(name: string): string | undefined {
  return /^[A-Z]+ (\/\S*)$/.exec(name)?.[1];
}

function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:]+|\[[^\]]*\])/i.exec(url)?.[1];
}
