/** Whether Redis is there, once, for somebody who wants to know. */
import { Redis } from 'ioredis';

/** Null: it answers; else why not. */
export async function pingRedis(url: string, timeoutMs: number): Promise<string | null> {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: () => null,
  });
  let fault = '';
  redis.on('error', (error: Error) => (fault ||= error.message));
  try {
    await redis.connect();
    await redis.ping();
    return null;
  } catch (error) {
    return fault || (error instanceof Error ? error.message : String(error));
  } finally {
    redis.disconnect();
  }
}
