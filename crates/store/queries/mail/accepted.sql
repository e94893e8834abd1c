-- What counts for caps since an instant. $1 since. Uses sent_address.
-- rows: address text
SELECT s.address, s.at, s.kind FROM input JOIN sent s ON s.address = input.address WHERE s.at >= $1 ORDER BY s.at
