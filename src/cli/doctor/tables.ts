/** What doctor looks at in the tables that are kept by months: how many, how large, what will be dropped. Reads only. */
import type { Config } from '../../config.ts';
import { listKeptTables, type KeptTable } from '../../config/retention.ts';
import type { Sql } from '../../store/connect.ts';
import { isExpired, listPartitions, type Partition } from '../../store/housekeeping/partition.ts';
import { ok, warning, type Finding } from './finding.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export async function checkTables(sql: Sql, config: Config): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const kept of listKeptTables(config))
    findings.push(...judgeTable(kept, await listPartitions(sql, kept.table)));
  return findings;
}

function judgeTable({ table, keptMs, variable }: KeptTable, partitions: readonly Partition[]): Finding[] {
  const months = partitions.filter(({ isDefault }) => !isDefault);
  const bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  const kept = keptMs === null ? 'kept for ever' : `kept ${Math.round(keptMs / DAY_MS)} day(s)`;
  const others = partitions.filter(({ isDefault }) => isDefault);
  const expired = keptMs === null ? [] : months.filter((partition) => isExpired(partition, keptMs));
  return [
    ok('tables', `${table}: ${months.length} month(s), ${Math.round(bytes / MIB)} MiB, ${kept}`),
    ...others.map(({ name }) =>
      warning(
        'tables',
        `${table} has a default partition, ${name}: new months are made only while it holds no row of them. Detach it.`,
      ),
    ),
    ...(expired.length === 0
      ? []
      : [
          warning(
            'tables',
            `${expired.map(({ name }) => name).join(', ')}: older than ${variable}. A gateway drops such within 10 minutes; ` +
              'where they stay, a transaction that never ends has them in use.',
          ),
        ]),
  ];
}
