/** sluice user create | password | list. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { InstanceRole } from '../../admin/actor.ts';
import { isRefusal } from '../../admin/refusal.ts';
import { createPasswords, PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../../admin/sign-in/password.ts';
import { ensureDefaultTeam } from '../../admin/teams/team.ts';
import {
  createUser,
  describeUser,
  findUserByEmail,
  listUsers,
  normaliseEmail,
  setPassword,
} from '../../admin/users/user.ts';
import { readConfig } from '../../config.ts';
import { withDatabase } from '../database.ts';
import { changeAs } from './author.ts';

interface CreateOptions {
  readonly email: string;
  readonly role: InstanceRole;
  readonly passwordStdin?: true;
}

export function addUserCommands(program: Command): void {
  const user = program.command('user').description('people who sign in to the administration');
  user
    .command('create')
    .description('make a user; the first one also becomes owner of the default team')
    .requiredOption('--email <address>', 'what the user signs in with', parseEmail)
    .addOption(
      new Option('--role <role>', 'instance role').choices(['owner', 'admin', 'user']).default('user'),
    )
    .option('--password-stdin', 'read the password from standard input; without it one is made and printed')
    .action((options: CreateOptions) => create(options));
  user
    .command('password')
    .description('give a user a new password, and end all of its sessions')
    .requiredOption('--email <address>', 'whose password', parseEmail)
    .option('--password-stdin', 'read the password from standard input; without it one is made and printed')
    .action((options: Omit<CreateOptions, 'role'>) => renewPassword(options));
  user
    .command('list')
    .description('print every user')
    .option('--json', 'print one JSON object a line')
    .action((options: { json?: true }) =>
      withDatabase(readConfig(), async (sql) => {
        for (const found of await listUsers(sql)) {
          const line = `${found.id}  ${found.instance_role}  ${found.email}`;
          process.stdout.write(`${options.json === true ? JSON.stringify(describeUser(found)) : line}\n`);
        }
      }),
    );
}

async function create(options: CreateOptions): Promise<void> {
  const password = await choosePassword(options.passwordStdin === true);
  const passwords = await createPasswords();
  const passwordHash = await passwords.hash(password.text);
  await withDatabase(readConfig(), async (sql) => {
    const made = await changeAs(sql, 'user create', async (change) => {
      const created = await createUser(change, {
        email: options.email,
        passwordHash,
        instanceRole: options.role,
      });
      if (isRefusal(created)) return created;
      const [others] = await change.tx`SELECT FROM users WHERE id <> ${created.id} LIMIT 1`;
      if (others === undefined)
        await change.tx`
          INSERT INTO tenant_members (tenant_id, user_id, role)
          VALUES (${await ensureDefaultTeam(change.tx)}, ${created.id}, 'owner')`;
      return created;
    });
    if (isRefusal(made)) throw new Error(made.detail);
    process.stdout.write(`user ${made.email} has the id ${made.id}\n${password.notice}`);
  });
}

async function renewPassword(options: Omit<CreateOptions, 'role'>): Promise<void> {
  const password = await choosePassword(options.passwordStdin === true);
  const passwords = await createPasswords();
  const passwordHash = await passwords.hash(password.text);
  await withDatabase(readConfig(), async (sql) => {
    const user = await findUserByEmail(sql, options.email);
    if (user === null) throw new Error(`there is no user ${options.email} ('sluice user list' shows them)`);
    await changeAs(sql, 'user password', (change) => setPassword(change, user, passwordHash));
    process.stdout.write(`user ${user.email} has a new password\n${password.notice}`);
  });
}

/** `notice`: what to print of it; nothing, when the caller knows it. */
async function choosePassword(isGiven: boolean): Promise<{ readonly text: string; readonly notice: string }> {
  if (!isGiven) {
    const made = randomBytes(18).toString('base64url');
    return { text: made, notice: `password, shown only now: ${made}\n` };
  }
  const given = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (given.length < PASSWORD_LENGTH_MIN || given.length > PASSWORD_LENGTH_MAX)
    throw new Error(`a password has ${PASSWORD_LENGTH_MIN} to ${PASSWORD_LENGTH_MAX} characters`);
  return { text: given, notice: '' };
}

function parseEmail(given: string): string {
  const email = normaliseEmail(given);
  if (email === null) throw new InvalidArgumentError('It must be an e-mail address.');
  return email;
}
