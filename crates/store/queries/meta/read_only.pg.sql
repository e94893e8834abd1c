-- Whether the server takes no writes, as a standby does. No table.
SELECT current_setting('transaction_read_only')
