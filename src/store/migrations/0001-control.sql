-- Who may write what. Table and column names follow HitKeep where it has them, so that its rows can be
-- imported as they are. Ids are UUIDs made by the caller; no table here is written on the hot path.

CREATE TABLE users (
  id            uuid PRIMARY KEY,
  email         text NOT NULL,
  password_hash text,
  instance_role text NOT NULL DEFAULT 'user' CHECK (instance_role IN ('owner', 'admin', 'user')),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- A tenant is a team: it owns sites and team API clients.
CREATE TABLE tenants (
  id          uuid PRIMARY KEY,
  name        text NOT NULL,
  is_default  boolean NOT NULL DEFAULT false,
  archived_at timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
-- At most one default team: the owner of sites that are created without naming one.
CREATE UNIQUE INDEX tenants_default_key ON tenants (is_default) WHERE is_default;

CREATE TABLE tenant_members (
  tenant_id  uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX tenant_members_user_id_idx ON tenant_members (user_id);

-- The domain is stored lower-case and without a leading 'www.': ingest looks it up by equality.
CREATE TABLE sites (
  id         uuid PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES tenants (id),
  domain     text NOT NULL UNIQUE CHECK (domain = lower(domain)),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sites_tenant_id_idx ON sites (tenant_id);

CREATE TABLE site_members (
  site_id    uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
  user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (site_id, user_id)
);
CREATE INDEX site_members_user_id_idx ON site_members (user_id);

-- A client belongs to one user (personal) or to one team. secret_hash = lower-case hex SHA-256 of the token
-- text, unsalted: tokens carry at least 256 random bits. version grows with every change of the client or of
-- its roles; caches never replace a newer version with an older one.
CREATE TABLE api_clients (
  id            uuid PRIMARY KEY,
  user_id       uuid REFERENCES users (id) ON DELETE CASCADE,
  tenant_id     uuid REFERENCES tenants (id) ON DELETE CASCADE,
  name          text NOT NULL,
  description   text NOT NULL DEFAULT '',
  secret_hash   text NOT NULL UNIQUE,
  token_hint    text,
  instance_role text NOT NULL DEFAULT 'user' CHECK (instance_role IN ('owner', 'admin', 'user')),
  version       bigint NOT NULL DEFAULT 1,
  expires_at    timestamptz,
  last_used_at  timestamptz,
  revoked_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CHECK (num_nonnulls(user_id, tenant_id) = 1)
);
CREATE INDEX api_clients_user_id_idx ON api_clients (user_id);
CREATE INDEX api_clients_tenant_id_idx ON api_clients (tenant_id);

CREATE TABLE api_client_site_roles (
  id            uuid PRIMARY KEY,
  api_client_id uuid NOT NULL REFERENCES api_clients (id) ON DELETE CASCADE,
  site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
  role          text NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (api_client_id, site_id)
);
CREATE INDEX api_client_site_roles_site_id_idx ON api_client_site_roles (site_id);

-- Every belief that no longer holds, in commit order: gateways read it from the last sequence they know and
-- drop what they had cached. Writers hold an advisory lock from the insert to the commit; without it a reader
-- could see sequence 8 before 7 is committed, and never look back for 7.
CREATE TABLE revocation_log (
  seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL CHECK (kind IN ('client', 'site')),
  subject    text NOT NULL, -- client: its secret_hash; site: its domain
  version    bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
