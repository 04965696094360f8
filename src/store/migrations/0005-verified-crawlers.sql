-- Whether the crawler came from an address that its vendor publishes; null: nobody can tell.
ALTER TABLE ai_fetches ADD COLUMN verified boolean;
