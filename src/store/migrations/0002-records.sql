-- What is kept: one row per record, partitioned by month of `timestamp`; partitions are made when first needed.
-- The primary key is the row's identity and the index that queries use: a record sent again, to any node, is the
-- same row. The first four columns are the same in all three tables. No foreign keys, no sequences, no triggers.
-- visitor addresses are never stored.

CREATE TABLE hits (
  site_id         uuid NOT NULL,
  timestamp       timestamptz NOT NULL, -- when it happened, as the sender says
  id              uuid NOT NULL,
  client_id       uuid NOT NULL,        -- the API client that sent it
  received_at     timestamptz NOT NULL, -- when Sluice accepted it
  session_id      uuid NOT NULL,
  page_id         uuid NOT NULL,
  path            text NOT NULL,        -- with the query
  hostname        text NOT NULL,
  referrer        text,
  user_agent      text NOT NULL,
  viewport_width  integer,
  viewport_height integer,
  screen_width    integer,
  screen_height   integer,
  language        text,
  country_code    text,
  utm_source      text,
  utm_medium      text,
  utm_campaign    text,
  utm_term        text,
  utm_content     text,
  qr_code_id      uuid,
  is_unique       boolean,
  region          text,
  city            text,
  provider        text,
  asn             integer,
  asn_org         text,
  PRIMARY KEY (site_id, timestamp, id)
) PARTITION BY RANGE (timestamp);

CREATE TABLE events (
  site_id      uuid NOT NULL,
  timestamp    timestamptz NOT NULL,
  id           uuid NOT NULL,
  client_id    uuid NOT NULL,
  received_at  timestamptz NOT NULL,
  session_id   uuid NOT NULL,
  name         text NOT NULL,
  properties   jsonb NOT NULL,
  path         text NOT NULL,
  hostname     text NOT NULL,
  referrer     text,
  user_agent   text NOT NULL,
  country_code text,
  PRIMARY KEY (site_id, timestamp, id)
) PARTITION BY RANGE (timestamp);

CREATE TABLE ai_fetches (
  site_id            uuid NOT NULL,
  timestamp          timestamptz NOT NULL,
  id                 uuid NOT NULL,
  client_id          uuid NOT NULL,
  received_at        timestamptz NOT NULL,
  assistant_name     text NOT NULL,
  assistant_family   text NOT NULL,
  assistant_category text,
  path               text NOT NULL,
  hostname           text,
  status_code        integer NOT NULL,
  content_type       text,
  resource_type      text NOT NULL,
  response_ms        integer,
  bytes_served       bigint,
  user_agent         text NOT NULL,
  method             text,
  referrer           text,
  country_code       text,
  PRIMARY KEY (site_id, timestamp, id)
) PARTITION BY RANGE (timestamp);

-- Rows that Postgres refused for their content, kept with the reason until somebody decides.
-- `entry` is the journal entry as it was accepted.
CREATE TABLE quarantine (
  id         uuid PRIMARY KEY,
  table_name text NOT NULL,
  site_id    uuid NOT NULL,
  client_id  uuid NOT NULL,
  sqlstate   text NOT NULL,
  reason     text NOT NULL,
  entry      bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quarantine_created_at_idx ON quarantine (created_at);
