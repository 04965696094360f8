/**
 * A long load of arrays of 100 whose 202s wait for Postgres, so that it never runs ahead of what is stored: what reaches
 * the table per second, against `psql \copy` of as many rows of the same kind by one connection, before and after.
 */
import { join } from 'node:path';
import { spreadOf } from '../rounds.ts';
import { findForm } from '../table/forms.ts';
import { serverOf, type Field } from '../table/race.ts';
import { settle } from '../table/stored.ts';
import { shoot, writeRequests } from '../table/wrk.ts';
import type { World } from '../world.ts';
import type { Found } from './line.ts';
import { copyFile, psql } from './writer.ts';

/** Enough records under way to fill the next batch while one is written. */
const CONNECTIONS = 256;
const COPIES = 3;

export async function benchSustained(
  world: World,
  field: Field,
  values: { readonly seconds: number; readonly turns: number; readonly copyRows: number },
  tell: (line: string) => void,
): Promise<Found> {
  const { sql } = world;
  const form = findForm('array of 100');
  const { port } = serverOf(field, 'postgres');
  const file = join(world.directory, 'sustained.requests');
  await writeRequests(file, form.make(field.senders, 16, false));
  const [marker] = form.make(field.senders, 1, false);
  if (marker === undefined) throw new Error('there is nothing to send');

  tell('sustained: rows to copy');
  const copied = join(world.directory, 'sustained.copy');
  await fillTable(port, file, values.copyRows / form.records);
  await psql(world, `\\copy (SELECT * FROM hits LIMIT ${values.copyRows}) TO '${copied}'`);
  await settle(sql, port, form, marker, values.copyRows);
  const copyRates: number[] = [];
  const copy = async (): Promise<void> => {
    for (let time = 0; time < COPIES; time++) {
      tell('sustained: psql');
      const startedAtMs = performance.now();
      await copyFile(world, copied);
      copyRates.push((values.copyRows * 1000) / (performance.now() - startedAtMs));
      await sql`TRUNCATE hits`;
    }
  };
  await copy();
  const rates: number[] = [];
  let accepted = 0;
  for (let turn = 0; turn < values.turns; turn++) {
    tell(`sustained: ${values.seconds} s, ${turn + 1} of ${values.turns}`);
    const seconds = values.seconds / values.turns;
    const load = await shoot({ port, file, connections: CONNECTIONS, seconds });
    rates.push(load.requestsPerSecond * form.records);
    accepted += load.requests * form.records;
  }
  await settle(sql, port, form, marker, accepted);
  await copy();
  const copyRate = spreadOf(copyRates).median;
  return {
    figures: { sustained: spreadOf(rates.map((rate) => rate / copyRate)) },
    lines: [
      {
        what: `${values.seconds} s of arrays of 100 into Postgres`,
        measured: spreadOf(rates),
        unit: 'rows/s',
      },
      { what: 'psql \\copy before and after', measured: spreadOf(copyRates), unit: 'rows/s' },
    ],
  };
}

async function fillTable(port: number, file: string, requests: number): Promise<void> {
  for (let sent = 0; sent < requests;) {
    const load = await shoot({ port, file, connections: 16, seconds: 1 });
    sent += load.requests;
  }
}
