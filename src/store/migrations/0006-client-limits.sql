-- What a client may send: {requestsPerSecond, recordsPerSecond, bytesPerSecond, burstSeconds}; null: as settings say.
ALTER TABLE api_clients ADD COLUMN limits jsonb;
