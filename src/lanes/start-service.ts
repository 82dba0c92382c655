import type { ServiceSpec } from '../model/recording.ts';
import { startInstance, type ServiceInstance, type StartOptions } from './instance.ts';

/** What an instance of a recorded service needs beside how the service is started. */
export type ServiceStartOptions = Omit<StartOptions, 'command' | 'env' | 'port' | 'readyPath' | 'readyTimeoutMs'>;

/** Starts an instance of a service as a recording or a configuration describes it. Throws as {@link startInstance} does. */
export function startService(service: ServiceSpec, options: ServiceStartOptions): Promise<ServiceInstance> {
  const { command, env, readyTimeoutMs, port, readyPath } = service;
  return startInstance({
    ...options, command, env, readyTimeoutMs, ...(port === undefined ? {} : { port }), ...(readyPath === undefined ? {} : { readyPath }),
  });
}
