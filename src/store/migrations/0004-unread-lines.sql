-- Lines of delivered logs that could not be read, or not be kept as they say: nobody would send them again. They come by
-- the journal like any row. `timestamp` is the day on which the line came in: sent again that day, it is the same row.
CREATE TABLE unread_lines (
  site_id     uuid NOT NULL,
  timestamp   timestamptz NOT NULL,
  id          uuid NOT NULL, -- derived from the line
  client_id   uuid NOT NULL,
  received_at timestamptz NOT NULL,
  format      text NOT NULL,
  reason      text NOT NULL,
  line        text NOT NULL,
  PRIMARY KEY (site_id, timestamp, id)
) PARTITION BY RANGE (timestamp);
