-- Every column that can hold text, with whether it is bytes and whether its table has partners.
SELECT c.table_name::text, c.column_name::text, c.data_type = 'bytea',
    EXISTS (SELECT 1 FROM information_schema.columns k WHERE k.table_schema = c.table_schema AND k.table_name = c.table_name
        AND k.column_name = 'partner')
FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'bytea')
ORDER BY 1, 2
