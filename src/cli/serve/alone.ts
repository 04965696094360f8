/** Serves with this process alone. */
import { startGateway } from '../../main.ts';
import type { Start } from './start.ts';

export const startAlone: Start = async (config, databaseUrl, log, stop) => {
  const gateway = await startGateway(config, {
    databaseUrl,
    log,
    onFatal: (error) => {
      log.write('error', { err: error }, 'the gateway cannot go on');
      void stop.run(1);
    },
  });
  stop.add(() => gateway.close());
  return gateway;
};
