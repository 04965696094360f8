/** Teams and sites, with their members. */
import { z } from 'zod';
import { filters } from '../../admin/audit/routes.ts';
import { query as quarantineQuery } from '../../admin/quarantine/routes.ts';
import { addition as siteAddition, change as siteChange } from '../../admin/sites/members.ts';
import { creation, move } from '../../admin/sites/routes.ts';
import { addition as teamAddition, change as teamChange } from '../../admin/teams/members.ts';
import { naming } from '../../admin/teams/routes.ts';
import { named, operationsOf, type Operations } from '../operation.ts';
import { anything, id, siteRole, teamRole, time } from './forms.ts';

const team = named(
  'Team',
  z.strictObject({
    id,
    name: z.string(),
    is_default: z.boolean(),
    role: teamRole,
    created_at: time,
    updated_at: time,
  }),
);
const member = { user_id: id, email: z.string() };
const teamMember = z.strictObject({ ...member, role: teamRole, created_at: time });
const siteMember = named('SiteMember', z.strictObject({ ...member, role: siteRole }));
const siteFields = { id, domain: z.string(), team_id: id, created_at: time };
const site = named('Site', z.strictObject(siteFields));
const seenSite = named('SeenSite', z.strictObject({ ...siteFields, role: siteRole.nullable() }));
const text = z.string().nullable();
export const auditEntries = z.array(
  named(
    'AuditEntry',
    z.strictObject({
      sequence: z.number().int(),
      created_at: time,
      action: z.string(),
      actor_type: z.string(),
      actor_id: id.nullable(),
      actor_label: z.string(),
      actor_role: text,
      team_id: id.nullable(),
      target_type: z.string(),
      target_id: id.nullable(),
      target_label: z.string(),
      token_hashes: z.array(z.string()).nullable(),
      before: anything.nullable(),
      after: anything.nullable(),
      ip: text,
      user_agent: text,
      request_id: text,
    }),
  ),
);
const quarantined = z.strictObject({
  id,
  received_at: time,
  client_id: id,
  kind: z.enum(['line', 'record']),
  format: z.string(),
  reason: z.string(),
  line: text.optional(),
  record: anything.optional(),
});

const ofTeams = operationsOf('Teams', 'session');
const ofSites = operationsOf('Sites', 'session');

export const teamOperations: Operations = {
  'GET /api/user/teams': ofTeams('List the teams one is in', { replies: { 200: z.array(team) } }),
  'POST /api/user/teams': ofTeams('Make a team', { body: naming, replies: { 201: team } }),
  'GET /api/user/teams/:id': ofTeams('Show a team', { replies: { 200: team } }),
  'PUT /api/user/teams/:id': ofTeams('Rename a team', { body: naming, replies: { 200: team } }),
  'DELETE /api/user/teams/:id': ofTeams('Archive a team; its clients end, its sites take no more records', {
    replies: { 204: null },
  }),
  'GET /api/user/teams/:id/members': ofTeams('List members', { replies: { 200: z.array(teamMember) } }),
  'POST /api/user/teams/:id/members': ofTeams(
    'Add a member, by id or, for those who manage users, by e-mail',
    {
      body: teamAddition,
      replies: { 201: z.strictObject({ ...member, role: teamRole }) },
    },
  ),
  'PUT /api/user/teams/:id/members/:userId': ofTeams("Change a member's role", {
    body: teamChange,
    replies: { 200: teamMember },
  }),
  'DELETE /api/user/teams/:id/members/:userId': ofTeams('Remove a member, or leave', {
    replies: { 204: null },
  }),
  'GET /api/user/teams/:id/audit': ofTeams('Read what was changed in the team, newest first', {
    query: filters,
    replies: { 200: auditEntries },
  }),
};

export const siteOperations: Operations = {
  'GET /api/sites': ofSites('List the sites one may see', { replies: { 200: z.array(seenSite) } }),
  'POST /api/sites': ofSites('Make a site', { body: creation, replies: { 201: site } }),
  'GET /api/sites/:id': ofSites('Show a site', { replies: { 200: seenSite } }),
  'PUT /api/sites/:id': ofSites('Move a site to another team', { body: move, replies: { 200: site } }),
  'DELETE /api/sites/:id': ofSites('Delete a site; its records stay', { replies: { 204: null } }),
  'GET /api/sites/:id/members': ofSites('List members', { replies: { 200: z.array(siteMember) } }),
  'POST /api/sites/:id/members': ofSites('Give a member of the team a role', {
    body: siteAddition,
    replies: { 201: siteMember },
  }),
  'PUT /api/sites/:id/members/:userId': ofSites("Change a member's role", {
    body: siteChange,
    replies: { 200: siteMember },
  }),
  'DELETE /api/sites/:id/members/:userId': ofSites("Take a member's role away", { replies: { 204: null } }),
  'GET /api/sites/:id/quarantine': ofSites('See what was taken and could not be put where it belongs', {
    query: quarantineQuery,
    replies: { 200: z.array(quarantined) },
  }),
};
