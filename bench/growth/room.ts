/** How much of a disk a bench may fill. */
import { statfs } from 'node:fs/promises';

/** Of what is free: Postgres and others need the rest. */
const DISK_SHARE = 0.5;

export async function readRoomBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize * DISK_SHARE;
}
