import { routeOf } from '../model/route.ts';

const mostRoutes = 20_000;
const longestKept = 256;

/** {@link routeOf} that remembers: a log asks for the same few thousand paths over and over, and the shape of a segment costs microseconds. */
export class RouteMemo {
  readonly #routes = new Map<string, string>();

  /** `METHOD /template` of a request. */
  routeOf(method: string, target: string): string {
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    if (path.length > longestKept) return routeOf(method, path.slice(0, 8192));
    const key = `${method} ${path}`;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = routeOf(method, path);
      if (this.#routes.size >= mostRoutes) this.#routes.clear();
      this.#routes.set(key, route);
    }
    return route;
  }
}
