-- How much mail left within some days, of which workflow: asked when reports come.
CREATE INDEX sent_at ON sent (at);
