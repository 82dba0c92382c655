import { ForeshardError } from '../model/errors.ts';

/** Where a state node is, and which engine is there. */
export type NodeAddress =
  | { readonly engine: 'embedded' }
  | { readonly engine: 'redis'; readonly host: string; readonly port: number; readonly database: number; readonly username?: string; readonly password?: string; readonly tls?: boolean }
  | { readonly engine: 'memcached'; readonly host: string; readonly port: number }
  | { readonly engine: 'foreshard'; readonly host: string; readonly port: number };

const hint = "write 'embedded', redis://[user:password@]host:port[/database], rediss://… for TLS, memcached://host:port, or foreshard://host:port";

/** Reads the address of a state node. @throws ForeshardError `config_invalid` */
export function parseNodeAddress(address: string): NodeAddress {
  if (address === 'embedded') return { engine: 'embedded' };
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url === undefined || host === '') throw new ForeshardError('config_invalid', `${withoutPassword(address)} is not the address of a state node`, { hint });
  switch (url.protocol) {
    case 'redis:': case 'rediss:': return redisAddress(url, host);
    case 'memcached:': return { engine: 'memcached', host, port: Number(url.port || 11_211) };
    case 'foreshard:': return { engine: 'foreshard', host, port: Number(url.port || 7070) };
    default: throw new ForeshardError('config_invalid', `${withoutPassword(address)}: there is no engine of state nodes for ${url.protocol}//`, { hint });
  }
}

function redisAddress(url: URL, host: string): NodeAddress {
  const database = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(database)) throw new ForeshardError('config_invalid', `${withoutPassword(url.href)}: ${database} is no number of a database`, { hint });
  return {
    engine: 'redis', host, port: Number(url.port || 6379), database: Number(database),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: true } : {}),
  };
}

function withoutPassword(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//…@');
}
