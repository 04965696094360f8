-- Who administers: sessions, service accounts, organization keys; what was done, by whom; and which gateways have
-- heard of it. Nothing here is read or written on the hot path.

-- A signed-in browser. The cookie names the row: without it the cookie is worth nothing.
CREATE TABLE sessions (
  id         uuid PRIMARY KEY,
  user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL -- however active it is
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);

-- The role that a user has on a site now: of an explicit one and one through the team the weaker, as in HitKeep.
CREATE VIEW user_site_roles AS
SELECT found.user_id, found.site_id, (ARRAY['owner', 'admin', 'editor', 'viewer'])[max(found.rank)] AS role
FROM (
  SELECT user_id, site_id, array_position(ARRAY['owner', 'admin', 'editor', 'viewer'], role) AS rank
  FROM site_members
  UNION ALL
  SELECT m.user_id, s.id, array_position(ARRAY['owner', 'admin'], m.role)
  FROM tenant_members m JOIN sites s ON s.tenant_id = m.tenant_id
  WHERE m.role IN ('owner', 'admin')
) AS found
JOIN sites s ON s.id = found.site_id
JOIN tenants t ON t.id = s.tenant_id
WHERE t.archived_at IS NULL
GROUP BY found.user_id, found.site_id;

-- Owns organization keys without being a person.
CREATE TABLE service_accounts (
  id          uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  name        text NOT NULL,
  description text NOT NULL DEFAULT '',
  created_by  uuid REFERENCES users (id) ON DELETE SET NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX service_accounts_tenant_id_idx ON service_accounts (tenant_id);

-- After a roll with grace the old token works until previous_expires_at. An organization key has a scope over all
-- sites that its organization (a tenant) has or will have, instead of rows in api_client_site_roles; it belongs to
-- a user, or, with tenant_id, to a service account.
ALTER TABLE api_clients
  DROP COLUMN last_used_at,
  ADD COLUMN previous_secret_hash text UNIQUE,
  ADD COLUMN previous_expires_at  timestamptz,
  ADD COLUMN created_by           uuid REFERENCES users (id) ON DELETE SET NULL,
  ADD COLUMN organization_id      uuid REFERENCES tenants (id) ON DELETE CASCADE,
  ADD COLUMN scope                text CHECK (scope IN ('read', 'read-write')),
  ADD COLUMN service_account_id   uuid REFERENCES service_accounts (id) ON DELETE CASCADE,
  ADD CHECK ((previous_secret_hash IS NULL) = (previous_expires_at IS NULL)),
  ADD CHECK ((scope IS NULL) = (organization_id IS NULL)),
  ADD CHECK (service_account_id IS NULL OR tenant_id IS NOT DISTINCT FROM organization_id);
CREATE INDEX api_clients_organization_id_idx ON api_clients (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX api_clients_service_account_id_idx ON api_clients (service_account_id) WHERE service_account_id IS NOT NULL;

-- Apart from api_clients, so that use neither widens nor changes the rows that look-ups read.
CREATE TABLE api_client_use (
  api_client_id        uuid PRIMARY KEY REFERENCES api_clients (id) ON DELETE CASCADE,
  last_used_at         timestamptz NOT NULL,
  last_used_ip         text, -- cut to its network: /24, or /48 for IPv6
  last_used_user_agent text
) WITH (fillfactor = 80);

CREATE TABLE api_client_hours (
  api_client_id uuid NOT NULL REFERENCES api_clients (id) ON DELETE CASCADE,
  hour          timestamptz NOT NULL,
  accepted      bigint NOT NULL DEFAULT 0,
  rejected      bigint NOT NULL DEFAULT 0,
  duplicate     bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (api_client_id, hour)
) WITH (fillfactor = 80);

-- A request that made a token, by its Idempotency-Key. The token itself is in no table: it is computed again from
-- the key, which is not here either, this salt and the instance's secret.
CREATE TABLE idempotent_tokens (
  actor_id      uuid NOT NULL,
  key_hash      text NOT NULL,
  request_hash  text NOT NULL,
  api_client_id uuid NOT NULL REFERENCES api_clients (id) ON DELETE CASCADE,
  salt          text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor_id, key_hash)
);

-- Who this database is: one row. Gateways with different databases may share a Redis, and must not mix.
CREATE TABLE instance (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX instance_one_row ON instance ((true));
INSERT INTO instance DEFAULT VALUES;

-- Made at the first start where SLUICE_SECRET is not set; shared by all gateways.
CREATE TABLE instance_secrets (
  name       text PRIMARY KEY,
  value      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Who did what to whom, in the transaction that did it. No foreign keys: it outlives what it tells of.
CREATE TABLE audit_log (
  sequence     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at   timestamptz NOT NULL DEFAULT now(),
  action       text NOT NULL, -- api_client.created, team.archived …
  actor_type   text NOT NULL CHECK (actor_type IN ('user', 'api_client', 'system', 'anonymous')),
  actor_id     uuid,
  actor_label  text NOT NULL, -- as it was then: e-mail address, client name, command
  actor_role   text,
  team_id      uuid,
  target_type  text NOT NULL,
  target_id    uuid,
  target_label text NOT NULL,
  token_hashes text[] NOT NULL DEFAULT '{}', -- SHA-256 of the tokens that this made or ended
  before       jsonb,
  after        jsonb,
  ip           text,
  user_agent   text,
  request_id   text NOT NULL
);
CREATE INDEX audit_log_team_id_idx ON audit_log (team_id, sequence);
CREATE INDEX audit_log_token_hashes_idx ON audit_log USING gin (token_hashes);

-- Running gateways, and how far each has read the revocation log. Written every second: not worth the WAL.
CREATE UNLOGGED TABLE gateway_nodes (
  id               uuid PRIMARY KEY,
  name             text NOT NULL,
  applied_sequence bigint NOT NULL,
  seen_at          timestamptz NOT NULL
) WITH (fillfactor = 50);
