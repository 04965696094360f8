/**
 * sluice quarantine list | show | retry: what was taken and is not where it belongs: lines of logs that nobody could
 * read, and rows that Postgres refused. Nothing is thrown away before it is where it belongs.
 */
import type { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { readEntry, readTypes } from '../../admin/quarantine/entry.ts';
import { parseUuid } from '../../records/identity.ts';
import type { Sql } from '../../store/connect.ts';
import { withDatabase } from '../database.ts';
import { retry, type RetryOptions } from './retry.ts';

interface ListOptions {
  readonly limit: string;
  readonly json?: true;
}

/** Of a line or of a row. */
interface Kept {
  readonly id: string;
  readonly received_at: Date;
  readonly format: string;
  readonly reason: string;
  readonly site_id: string;
  readonly client_id: string;
  readonly line: string;
}

const SHOWN_LENGTH = 200;

export function addQuarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('what was taken and could not be put where it belongs');
  quarantine
    .command('list')
    .description('print the newest of it, with the reason')
    .option('--limit <n>', 'how many of each kind', '20')
    .option('--json', 'print one JSON object a line')
    .action((options: ListOptions) => withDatabase(readConfig(), (sql) => list(sql, options)));
  quarantine
    .command('show')
    .description('print all of one: the line as it came, or the fields of the row')
    .argument('<id>', "as 'list' prints it")
    .action((id: string) => withDatabase(readConfig(), (sql) => show(sql, id)));
  quarantine
    .command('retry')
    .description('try all of it again; what fits now is put where it belongs, the rest stays')
    .option('--fields <a,b>', 'columns of log lines that had none told', '')
    .option('--hostname <host>', 'host of log lines that name none')
    .option('--pageviews', 'views of pages by people become pageviews')
    .action((options: RetryOptions) => {
      const config = readConfig();
      return withDatabase(config, (sql, open) => retry(sql, open, config, options));
    });
}

async function list(sql: Sql, options: ListOptions): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new Error('--limit must be a whole number from 1');
  const lines = await sql<Kept[]>`
    SELECT id, received_at, format, reason, line FROM unread_lines ORDER BY received_at DESC LIMIT ${limit}`;
  const rows = await sql<Kept[]>`
    SELECT id, created_at AS received_at, table_name AS format, reason, '(a row)' AS line
    FROM quarantine ORDER BY created_at DESC LIMIT ${limit}`;
  for (const { id, received_at: at, format, reason, line } of [...lines, ...rows]) {
    const time = at.toISOString();
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ id, received_at: time, format, reason, line })}\n`
        : `${id}  ${time}  ${format}  ${reason}\n    ${line.slice(0, SHOWN_LENGTH)}\n`,
    );
  }
  process.stdout.write(options.json === true ? '' : `${lines.length} line(s), ${rows.length} row(s)\n`);
}

async function show(sql: Sql, text: string): Promise<void> {
  const id = parseUuid(text);
  if (id === null) throw new Error(`'${text}' is no id: 'sluice quarantine list' prints them`);
  const lines = await sql<Kept[]>`SELECT * FROM unread_lines WHERE id = ${id}`;
  const rows = await sql<(Omit<Kept, 'line'> & { sqlstate: string; entry: Buffer })[]>`
    SELECT id, created_at AS received_at, table_name AS format, reason, site_id, client_id, sqlstate, entry
    FROM quarantine WHERE id = ${id}`;
  if (lines.length + rows.length === 0) throw new Error(`Nothing in quarantine has the id ${id}`);
  for (const { entry, ...row } of rows) {
    const types = await readTypes(sql, row.format);
    process.stdout.write(`${JSON.stringify({ ...row, fields: readEntry(entry, types) }, null, 2)}\n`);
  }
  for (const line of lines) process.stdout.write(`${JSON.stringify(line, null, 2)}\n`);
}
