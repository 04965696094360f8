-- The account of each client on each gateway (by its data folder), as the gateway last wrote it:
-- received = stored + duplicate + quarantined + rejected + skipped + waiting. Outlives the client.
CREATE TABLE client_ledgers (
  client_id   uuid NOT NULL,
  node_id     uuid NOT NULL,
  node_name   text NOT NULL,
  received    bigint NOT NULL,
  stored      bigint NOT NULL,
  duplicate   bigint NOT NULL,
  quarantined bigint NOT NULL,
  rejected    bigint NOT NULL,
  skipped     bigint NOT NULL,
  waiting     bigint NOT NULL,
  written_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (client_id, node_id)
);
