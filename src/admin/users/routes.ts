/** The routes of users: for the instance's owners, who alone have instance.manage_users. */
import { z } from 'zod';
import type { Route } from '../../http/request.ts';
import { isInstanceAllowed } from '../actor.ts';
import { readBody } from '../body.ts';
import { ACCESS_DENIED, isRefusal, notFound, type Refusal } from '../refusal.ts';
import { replyCreated, replyEmpty, replyJson } from '../reply.ts';
import type { Outcome, UserCall } from '../route.ts';
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, type Passwords } from '../sign-in/password.ts';
import type { TeamDeps } from '../teams/routes.ts';
import {
  createUser,
  deleteUser,
  describeUser,
  listUsers,
  normaliseEmail,
  setInstanceRole,
  type UserRow,
} from './user.ts';

const LIST = '/api/users';
const ONE = '/api/users/:id';
const emailSchema = z.string().transform((text, context) => {
  const email = normaliseEmail(text);
  if (email !== null) return email;
  context.addIssue({ code: 'custom', message: 'must be an e-mail address' });
  return z.NEVER;
});
export const passwordSchema = z.string().min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX);
const instanceRole = z.enum(['owner', 'admin', 'user']);
export const creation = z.strictObject({
  email: emailSchema,
  password: passwordSchema.optional(),
  instance_role: instanceRole.default('user'),
});
export const change = z.strictObject({ instance_role: instanceRole });
const UNKNOWN = notFound('User');

export function createUserRoutes(deps: TeamDeps & { readonly passwords: Passwords }): readonly Route[] {
  const { sql, make, makeChange, passwords } = deps;

  const isAllowed = (call: UserCall): boolean => isInstanceAllowed(call.user.instanceRole, 'manage_users');

  async function list(call: UserCall): Promise<Outcome> {
    if (!isAllowed(call)) return ACCESS_DENIED;
    const users = await listUsers(sql);
    return replyJson(users.map((user) => describeUser(user)));
  }

  async function create(call: UserCall): Promise<Outcome> {
    if (!isAllowed(call)) return ACCESS_DENIED;
    const body = readBody(call.request, creation);
    if (isRefusal(body)) return body;
    const passwordHash = body.password === undefined ? null : await passwords.hash(body.password);
    const { email, instance_role: role } = body;
    const made = await makeChange(call.author, (work) =>
      createUser(work, { email, passwordHash, instanceRole: role }),
    );
    return isRefusal(made.value) ? made.value : replyCreated(describeUser(made.value));
  }

  async function update(call: UserCall): Promise<Outcome> {
    if (!isAllowed(call)) return ACCESS_DENIED;
    const id = call.id(0, 'user');
    if (isRefusal(id)) return id;
    const body = readBody(call.request, change);
    if (isRefusal(body)) return body;
    const done = await makeChange(call.author, (work) => setInstanceRole(work, id, body.instance_role));
    const user = orUnknown(done.value);
    return isRefusal(user) ? user : replyJson(describeUser(user));
  }

  async function remove(call: UserCall): Promise<Outcome> {
    if (!isAllowed(call)) return ACCESS_DENIED;
    const id = call.id(0, 'user');
    if (isRefusal(id)) return id;
    const done = await makeChange(call.author, (work) => deleteUser(work, id));
    const user = orUnknown(done.value);
    return isRefusal(user) ? user : replyEmpty();
  }

  return [
    make.user('GET', LIST, list),
    make.user('POST', LIST, create),
    make.user('PUT', ONE, update),
    make.user('DELETE', ONE, remove),
  ];
}

function orUnknown(user: UserRow | Refusal | null): UserRow | Refusal {
  return user ?? UNKNOWN;
}
