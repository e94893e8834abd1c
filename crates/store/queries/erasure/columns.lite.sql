-- Every column that can hold text, with whether it is bytes and whether its table has partners.
SELECT t.name, c.name, c.type = 'BLOB', EXISTS (SELECT 1 FROM pragma_table_info(t.name) k WHERE k.name = 'partner')
FROM sqlite_master t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.type IN ('TEXT', 'BLOB') ORDER BY 1, 2
