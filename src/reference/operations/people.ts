/** Signing in, and the instance's users. */
import { z } from 'zod';
import { login, newPassword } from '../../admin/sign-in/routes.ts';
import { change, creation } from '../../admin/users/routes.ts';
import { operationsOf, type Operations } from '../operation.ts';
import { id, instanceRole, teamRole, user } from './forms.ts';

const open = operationsOf('Signing in', 'none');
const own = operationsOf('Signing in', 'session');
const ofUsers = operationsOf('Users', 'session');

export const peopleOperations: Operations = {
  'POST /api/auth/login': open('Sign in, and get a session cookie', {
    body: login,
    replies: { 200: z.strictObject({ user }) },
  }),
  'POST /api/auth/logout': own('Sign out', { replies: { 204: null } }),
  'GET /api/user': own('Show oneself, and the teams one is in', {
    replies: {
      200: z.strictObject({
        id,
        email: z.string(),
        instance_role: instanceRole,
        teams: z.array(z.strictObject({ id, name: z.string(), role: teamRole })),
      }),
    },
  }),
  'PUT /api/user/password': own('Change the own password; every session ends, and a new one begins', {
    body: newPassword,
    replies: { 204: null },
  }),
  'GET /api/users': ofUsers('List all users', { replies: { 200: z.array(user) } }),
  'POST /api/users': ofUsers('Make a user', { body: creation, replies: { 201: user } }),
  'PUT /api/users/:id': ofUsers("Change a user's role", { body: change, replies: { 200: user } }),
  'DELETE /api/users/:id': ofUsers('Delete a user, with its personal clients', { replies: { 204: null } }),
};
